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

// Inline, so that the length of a literal suffix is a constant.
static inline bool ends_in(const word *w, const char *suffix, size_t n, size_t *stem) {
  if (n > w->count || w->letters[w->count - 1] != suffix[n - 1]) return false;
  *stem = w->count - n;
  return memcmp(w->letters + *stem, suffix, n) == 0;
}
#define ends(w, suffix, stem) ends_in(w, suffix, sizeof suffix - 1, stem)

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

// A set of letters.
#define LETTER(c) (1u << ((c) - 'a'))

typedef struct {
  const char *suffix;
  size_t count;
  const char *replacement;
} rule;
#define RULE(suffix, replacement) {suffix, sizeof suffix - 1, replacement}

// The suffixes end in one of "ilmnrs".
static const uint32_t step2_ends = LETTER('i') | LETTER('l') | LETTER('m') | LETTER('n') | LETTER('r') | LETTER('s');
static const rule step2[] = {
    RULE("ational", "ate"), RULE("tional", "tion"), RULE("enci", "ence"),   RULE("anci", "ance"),  RULE("izer", "ize"),
    RULE("bli", "ble"),     RULE("alli", "al"),     RULE("entli", "ent"),   RULE("eli", "e"),      RULE("ousli", "ous"),
    RULE("ization", "ize"), RULE("ation", "ate"),   RULE("ator", "ate"),    RULE("alism", "al"),   RULE("iveness", "ive"),
    RULE("fulness", "ful"), RULE("ousness", "ous"), RULE("aliti", "al"),    RULE("iviti", "ive"),  RULE("biliti", "ble"),
    RULE("logi", "log"),
};
// In one of "eils".
static const uint32_t step3_ends = LETTER('e') | LETTER('i') | LETTER('l') | LETTER('s');
static const rule step3[] = {
    RULE("icate", "ic"), RULE("ative", ""), RULE("alize", "al"), RULE("iciti", "ic"), RULE("ical", "ic"), RULE("ful", ""),
    RULE("ness", ""),
};
// "ement" before "ment" before "ent": the longest that fits decides. They end in one of "lercntums" or "i".
static const uint32_t step4_ends = LETTER('l') | LETTER('e') | LETTER('r') | LETTER('c') | LETTER('t') |
                                   LETTER('n') | LETTER('u') | LETTER('m') | LETTER('i') | LETTER('s');
static const rule step4[] = {
    RULE("al", ""),
    RULE("ance", ""),
    RULE("ence", ""),
    RULE("er", ""),
    RULE("ic", ""),
    RULE("able", ""),
    RULE("ible", ""),
    RULE("ant", ""),
    RULE("ement", ""),
    RULE("ment", ""),
    RULE("ent", ""),
    RULE("ion", ""),
    RULE("ou", ""),
    RULE("ism", ""),
    RULE("ate", ""),
    RULE("iti", ""),
    RULE("ous", ""),
    RULE("ive", ""),
    RULE("ize", ""),
};

static bool may_end(const word *w, uint32_t letters) {
  return w->count > 0 && (letters & LETTER(w->letters[w->count - 1])) != 0;
}

static void replace(word *w, const rule *rules, size_t count) {
  for (size_t i = 0; i < count; i++) {
    size_t stem;
    if (!ends_in(w, rules[i].suffix, rules[i].count, &stem)) continue;
    if (measure(w, stem) > 0) set_suffix(w, stem, rules[i].replacement);
    return;
  }
}

static void remove_suffix(word *w) {
  for (size_t i = 0; i < sizeof step4 / sizeof *step4; i++) {
    size_t stem;
    if (!ends_in(w, step4[i].suffix, step4[i].count, &stem)) continue;
    bool is_ion = strcmp(step4[i].suffix, "ion") == 0;
    bool allowed = !is_ion || (stem > 0 && (w->letters[stem - 1] == 's' || w->letters[stem - 1] == 't'));
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
  if (may_end(&w, step2_ends)) replace(&w, step2, sizeof step2 / sizeof *step2);
  if (may_end(&w, step3_ends)) replace(&w, step3, sizeof step3 / sizeof *step3);
  if (may_end(&w, step4_ends)) remove_suffix(&w);
  tidy(&w);
  return w.count;
}
