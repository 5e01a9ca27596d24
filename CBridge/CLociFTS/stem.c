// The Porter stemmer: M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980, with the
// author's two later changes (step 2: "logi" -> "log", "bli" -> "ble").
#include <string.h>

#include "loci_fts.h"

typedef struct {
  char *letters;
  size_t count;
} word;

static bool is_consonant(const word *w, size_t i) {
  switch (w->letters[i]) {
    case 'a': case 'e': case 'i': case 'o': case 'u': return false;
    case 'y': return i == 0 || !is_consonant(w, i - 1);
    default: return true;
  }
}

// m in [C](VC)^m[V] of the first n letters.
static size_t measure(const word *w, size_t n) {
  size_t m = 0;
  bool vowel_before = false;
  for (size_t i = 0; i < n; i++) {
    bool consonant = is_consonant(w, i);
    m += consonant && vowel_before;
    vowel_before = !consonant;
  }
  return m;
}

static bool has_vowel(const word *w, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!is_consonant(w, i)) return true;
  }
  return false;
}

static bool ends_in_double_consonant(const word *w, size_t n) {
  return n >= 2 && w->letters[n - 1] == w->letters[n - 2] && is_consonant(w, n - 1);
}

// Consonant, vowel, consonant at the end, the last not w, x or y.
static bool ends_in_cvc(const word *w, size_t n) {
  if (n < 3 || !is_consonant(w, n - 3) || is_consonant(w, n - 2) || !is_consonant(w, n - 1)) return false;
  return strchr("wxy", w->letters[n - 1]) == NULL;
}

static bool ends(const word *w, const char *suffix, size_t *stem) {
  size_t n = strlen(suffix);
  if (n > w->count || memcmp(w->letters + w->count - n, suffix, n) != 0) return false;
  *stem = w->count - n;
  return true;
}

// No replacement is longer than what it replaces.
static void set_suffix(word *w, size_t stem, const char *suffix) {
  size_t n = strlen(suffix);
  memcpy(w->letters + stem, suffix, n);
  w->count = stem + n;
}

static void plurals(word *w) {
  size_t stem;
  if (ends(w, "sses", &stem) || ends(w, "ies", &stem)) {
    w->count -= 2;
  } else if (!ends(w, "ss", &stem) && ends(w, "s", &stem)) {
    w->count -= 1;
  }
}

static void past_and_progressive(word *w) {
  size_t stem;
  if (ends(w, "eed", &stem)) {
    if (measure(w, stem) > 0) w->count -= 1;
    return;
  }
  if (!((ends(w, "ed", &stem) || ends(w, "ing", &stem)) && has_vowel(w, stem))) return;
  w->count = stem;
  size_t ignored;
  if (ends(w, "at", &ignored) || ends(w, "bl", &ignored) || ends(w, "iz", &ignored)) {
    w->letters[w->count++] = 'e';
  } else if (ends_in_double_consonant(w, w->count)) {
    if (strchr("lsz", w->letters[w->count - 1]) == NULL) w->count -= 1;
  } else if (measure(w, w->count) == 1 && ends_in_cvc(w, w->count)) {
    w->letters[w->count++] = 'e';
  }
}

typedef struct {
  const char *suffix, *replacement;
} rule;

static const rule step2[] = {
    {"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"},   {"anci", "ance"},  {"izer", "ize"},
    {"bli", "ble"},     {"alli", "al"},     {"entli", "ent"},   {"eli", "e"},      {"ousli", "ous"},
    {"ization", "ize"}, {"ation", "ate"},   {"ator", "ate"},    {"alism", "al"},   {"iveness", "ive"},
    {"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"},    {"iviti", "ive"},  {"biliti", "ble"},
    {"logi", "log"},
};
static const rule step3[] = {
    {"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"}, {"ical", "ic"}, {"ful", ""},
    {"ness", ""},
};
// "ement" before "ment" before "ent": the longest that fits decides.
static const char *const step4[] = {
    "al",  "ance", "ence", "er",  "ic",  "able", "ible", "ant", "ement", "ment",
    "ent", "ion",  "ou",   "ism", "ate", "iti",  "ous",  "ive", "ize",
};

static void replace(word *w, const rule *rules, size_t count) {
  for (size_t i = 0; i < count; i++) {
    size_t stem;
    if (!ends(w, rules[i].suffix, &stem)) continue;
    if (measure(w, stem) > 0) set_suffix(w, stem, rules[i].replacement);
    return;
  }
}

static void remove_suffix(word *w) {
  for (size_t i = 0; i < sizeof step4 / sizeof *step4; i++) {
    size_t stem;
    if (!ends(w, step4[i], &stem)) continue;
    bool allowed = strcmp(step4[i], "ion") != 0 || (stem > 0 && strchr("st", w->letters[stem - 1]) != NULL);
    if (allowed && measure(w, stem) > 1) w->count = stem;
    return;
  }
}

static void tidy(word *w) {
  size_t stem;
  if (ends(w, "e", &stem)) {
    size_t m = measure(w, stem);
    if (m > 1 || (m == 1 && !ends_in_cvc(w, stem))) w->count = stem;
  }
  if (w->count > 0 && w->letters[w->count - 1] == 'l' && ends_in_double_consonant(w, w->count) &&
      measure(w, w->count) > 1) {
    w->count -= 1;
  }
}

size_t loci_fts_stem(char *letters, size_t n) {
  if (n < 3) return n;
  for (size_t i = 0; i < n; i++) {
    if (letters[i] < 'a' || letters[i] > 'z') return n;
  }
  word w = {letters, n};
  plurals(&w);
  past_and_progressive(&w);
  size_t stem;
  if (ends(&w, "y", &stem) && has_vowel(&w, stem)) w.letters[stem] = 'i';
  replace(&w, step2, sizeof step2 / sizeof *step2);
  replace(&w, step3, sizeof step3 / sizeof *step3);
  remove_suffix(&w);
  tidy(&w);
  return w.count;
}
