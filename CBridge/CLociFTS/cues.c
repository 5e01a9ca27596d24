// What a text shows at a glance: one pass over its words, no allocation.
#include <string.h>

#include "loci_fts.h"

typedef struct {
  const char *word;
  uint32_t cues;
} entry;

// In byte order, for a binary search.
static const entry words[] = {
    {"ago", LOCI_FTS_CUE_TIME},         {"april", LOCI_FTS_CUE_TIME},
    {"august", LOCI_FTS_CUE_TIME},      {"couple", LOCI_FTS_CUE_NUMBER},
    {"day", LOCI_FTS_CUE_TIME},         {"days", LOCI_FTS_CUE_TIME},
    {"december", LOCI_FTS_CUE_TIME},    {"eight", LOCI_FTS_CUE_NUMBER},
    {"february", LOCI_FTS_CUE_TIME},    {"five", LOCI_FTS_CUE_NUMBER},
    {"four", LOCI_FTS_CUE_NUMBER},      {"friday", LOCI_FTS_CUE_TIME},
    {"i", LOCI_FTS_CUE_FIRST_PERSON},   {"january", LOCI_FTS_CUE_TIME},
    {"july", LOCI_FTS_CUE_TIME},        {"june", LOCI_FTS_CUE_TIME},
    {"last", LOCI_FTS_CUE_TIME},        {"many", LOCI_FTS_CUE_NUMBER},
    {"march", LOCI_FTS_CUE_TIME},       {"may", LOCI_FTS_CUE_TIME},
    {"monday", LOCI_FTS_CUE_TIME},      {"month", LOCI_FTS_CUE_TIME},
    {"morning", LOCI_FTS_CUE_TIME},     {"my", LOCI_FTS_CUE_FIRST_PERSON},
    {"next", LOCI_FTS_CUE_TIME},        {"nine", LOCI_FTS_CUE_NUMBER},
    {"november", LOCI_FTS_CUE_TIME},    {"october", LOCI_FTS_CUE_TIME},
    {"once", LOCI_FTS_CUE_NUMBER},      {"one", LOCI_FTS_CUE_NUMBER},
    {"our", LOCI_FTS_CUE_FIRST_PERSON}, {"recently", LOCI_FTS_CUE_TIME},
    {"saturday", LOCI_FTS_CUE_TIME},    {"september", LOCI_FTS_CUE_TIME},
    {"seven", LOCI_FTS_CUE_NUMBER},     {"several", LOCI_FTS_CUE_NUMBER},
    {"since", LOCI_FTS_CUE_TIME},       {"six", LOCI_FTS_CUE_NUMBER},
    {"sunday", LOCI_FTS_CUE_TIME},      {"ten", LOCI_FTS_CUE_NUMBER},
    {"three", LOCI_FTS_CUE_NUMBER},     {"thursday", LOCI_FTS_CUE_TIME},
    {"today", LOCI_FTS_CUE_TIME},       {"tomorrow", LOCI_FTS_CUE_TIME},
    {"tonight", LOCI_FTS_CUE_TIME},     {"tuesday", LOCI_FTS_CUE_TIME},
    {"twice", LOCI_FTS_CUE_NUMBER},     {"two", LOCI_FTS_CUE_NUMBER},
    {"we", LOCI_FTS_CUE_FIRST_PERSON},  {"wednesday", LOCI_FTS_CUE_TIME},
    {"week", LOCI_FTS_CUE_TIME},        {"weekend", LOCI_FTS_CUE_TIME},
    {"year", LOCI_FTS_CUE_TIME},        {"yesterday", LOCI_FTS_CUE_TIME},
};

static const entry phrases[] = {
    {"？", LOCI_FTS_CUE_QUESTION},         {"我", LOCI_FTS_CUE_FIRST_PERSON},
    {"昨天", LOCI_FTS_CUE_TIME},           {"今天", LOCI_FTS_CUE_TIME},
    {"明天", LOCI_FTS_CUE_TIME},           {"前天", LOCI_FTS_CUE_TIME},
    {"上周", LOCI_FTS_CUE_TIME},           {"下周", LOCI_FTS_CUE_TIME},
    {"星期", LOCI_FTS_CUE_TIME},           {"周末", LOCI_FTS_CUE_TIME},
    {"月", LOCI_FTS_CUE_TIME},             {"年", LOCI_FTS_CUE_TIME},
    {"最近", LOCI_FTS_CUE_TIME},           {"两", LOCI_FTS_CUE_NUMBER},
    {"什么时候", LOCI_FTS_CUE_ASKS_WHEN},  {"什麼時候", LOCI_FTS_CUE_ASKS_WHEN},
    {"何时", LOCI_FTS_CUE_ASKS_WHEN},      {"何時", LOCI_FTS_CUE_ASKS_WHEN},
    {"哪一年", LOCI_FTS_CUE_ASKS_WHEN},    {"哪年", LOCI_FTS_CUE_ASKS_WHEN},
    {"哪天", LOCI_FTS_CUE_ASKS_WHEN},      {"几月", LOCI_FTS_CUE_ASKS_WHEN},
    {"几号", LOCI_FTS_CUE_ASKS_WHEN},      {"多久", LOCI_FTS_CUE_ASKS_WHEN},
    {"多少", LOCI_FTS_CUE_ASKS_COUNT},     {"几次", LOCI_FTS_CUE_ASKS_COUNT},
    {"几个", LOCI_FTS_CUE_ASKS_COUNT},
};

static uint32_t cues_of(const char *word) {
  size_t low = 0, high = sizeof words / sizeof *words;
  while (low < high) {
    size_t middle = (low + high) / 2;
    int order = strcmp(words[middle].word, word);
    if (order == 0) return words[middle].cues;
    if (order < 0) low = middle + 1; else high = middle;
  }
  return 0;
}

static bool is_one_of(const char *word, const char *const *list) {
  for (; *list != NULL; list++) {
    if (strcmp(*list, word) == 0) return true;
  }
  return false;
}

// What two words in a row ask for.
static uint32_t question(const char *before, const char *word) {
  static const char *const counts[] = {"many", "often", "much", NULL};
  static const char *const times[] = {"year", "month", "date", "day", "time", NULL};
  if (strcmp(before, "how") == 0) {
    if (strcmp(word, "long") == 0) return LOCI_FTS_CUE_ASKS_WHEN;
    if (is_one_of(word, counts)) return LOCI_FTS_CUE_ASKS_COUNT;
  }
  bool names = strcmp(before, "what") == 0 || strcmp(before, "which") == 0;
  return names && is_one_of(word, times) ? LOCI_FTS_CUE_ASKS_WHEN : 0;
}

static uint32_t phrase_at(const char *text, size_t n) {
  uint32_t cues = 0;
  for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
    size_t count = strlen(phrases[i].word);
    if (count <= n && memcmp(phrases[i].word, text, count) == 0) cues |= phrases[i].cues;
  }
  return cues;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }
static bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

uint32_t loci_fts_cues(const char *text, size_t n) {
  uint32_t cues = 0;
  char before[12] = "", word[12];
  bool is_first = true;
  for (size_t i = 0; i < n;) {
    if (is_letter(text[i])) {
      size_t start = i, count;
      while (i < n && is_letter(text[i])) i++;
      count = i - start < sizeof word ? i - start : sizeof word - 1;
      for (size_t k = 0; k < count; k++) word[k] = lower(text[start + k]);
      word[count] = '\0';
      if (i - start >= sizeof word) word[0] = '\0';  // longer than any that counts
      cues |= cues_of(word) | question(before, word);
      // In the middle of a sentence it is a conjunction more often than a question.
      if (is_first && strcmp(word, "when") == 0) cues |= LOCI_FTS_CUE_ASKS_WHEN;
      memcpy(before, word, sizeof before);
      is_first = false;
    } else if (is_digit(text[i])) {
      size_t start = i;
      while (i < n && is_digit(text[i])) i++;
      cues |= LOCI_FTS_CUE_NUMBER;
      if (i - start == 4) cues |= LOCI_FTS_CUE_TIME;  // most numbers of four digits are years
      before[0] = '\0';
    } else if ((unsigned char)text[i] >= 0xE3) {
      cues |= phrase_at(text + i, n - i);
      i++;
    } else {
      if (text[i] == '?') cues |= LOCI_FTS_CUE_QUESTION;
      i++;
    }
  }
  return cues;
}
