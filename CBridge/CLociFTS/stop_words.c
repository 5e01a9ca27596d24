// Words that a query can do without, while it has others.
#include <string.h>

#include "loci_fts.h"

// In byte order, for a binary search. Fragments of contractions (don't, we'll) are among them.
static const char *const english[] = {
    "a", "about", "after", "again", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be",
    "because", "been", "before", "being", "between", "both", "but", "by", "can", "could", "d", "did", "do",
    "does", "doing", "don", "during", "each", "few", "for", "from", "further", "had", "has", "have",
    "having", "he", "her", "here", "hers", "him", "his", "how", "i", "if", "in", "into", "is", "it", "its",
    "just", "ll", "m", "me", "more", "most", "my", "no", "nor", "not", "now", "of", "off", "on", "once",
    "only", "or", "other", "our", "ours", "out", "over", "own", "re", "s", "same", "she", "should", "so",
    "some", "such", "t", "than", "that", "the", "their", "theirs", "them", "then", "there", "these", "they",
    "this", "those", "through", "to", "too", "under", "until", "up", "ve", "very", "was", "we", "were",
    "what", "when", "where", "which", "while", "who", "whom", "why", "will", "with", "would", "you", "your",
    "yours",
};

// Characters with a grammatical use only, and pairs of question, pronoun and connection.
static const char chinese_characters[] =
    "的了是在我你您他她它们和与及或吗呢吧啊呀这那哪就都也还很把被让给对从到于而且但之其谁么个";
static const char *const chinese_pairs[] = {
    "什么", "怎么", "怎样", "为什", "为何", "哪里", "哪个", "哪些", "多少", "如何", "是否", "因为", "所以",
    "但是", "而且", "如果", "虽然", "然后", "还是", "或者", "以及", "关于", "已经", "可以", "没有", "一个",
};

static bool is_chinese_function_character(const char *bytes, size_t n) {
  for (const char *c = chinese_characters; *c != '\0'; c += 3) {
    if (n == 3 && memcmp(c, bytes, 3) == 0) return true;
  }
  return false;
}

static bool is_english_stop_word(const char *bytes, size_t n) {
  size_t low = 0, high = sizeof english / sizeof *english;
  while (low < high) {
    size_t middle = (low + high) / 2;
    int order = strncmp(english[middle], bytes, n);
    if (order == 0) order = english[middle][n] == '\0' ? 0 : 1;
    if (order == 0) return true;
    if (order < 0) low = middle + 1; else high = middle;
  }
  return false;
}

bool loci_fts_is_stop_word(const loci_fts_token *token) {
  switch (token->kind) {
    case LOCI_FTS_WORD: return is_english_stop_word(token->bytes, token->count);
    case LOCI_FTS_COMPOUND: return false;
    case LOCI_FTS_CHARACTER: return is_chinese_function_character(token->bytes, token->count);
    case LOCI_FTS_PAIR: break;
  }
  if (token->count != 6) return false;
  for (size_t i = 0; i < sizeof chinese_pairs / sizeof *chinese_pairs; i++) {
    if (memcmp(chinese_pairs[i], token->bytes, 6) == 0) return true;
  }
  return is_chinese_function_character(token->bytes, 3) && is_chinese_function_character(token->bytes + 3, 3);
}
