// UTF-8 to folded characters.
#include "characters.h"

#include <loci_unicode.h>

// Strict: no surrogates, no overlong forms, nothing beyond U+10FFFF. Returns the bytes used, 0 when invalid.
static size_t decode(const unsigned char *s, size_t n, uint32_t *code_point) {
  if (s[0] < 0x80) {
    *code_point = s[0];
    return 1;
  }
  size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
  if (s[0] < 0xc2 || s[0] > 0xf4 || length > n) return 0;
  uint32_t value = s[0] & (0x7fu >> length);
  for (size_t i = 1; i < length; i++) {
    if ((s[i] & 0xc0) != 0x80) return 0;
    value = value << 6 | (s[i] & 0x3f);
  }
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return 0;
  *code_point = value;
  return length;
}

static size_t encode(uint32_t c, char *out) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  size_t length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = length - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
  out[0] = (char)(0xf00 >> length | c);
  return length;
}

// Scripts written without spaces between words, besides Han, kana and Hangul.
static bool is_south_east_asian(uint32_t c) {
  return (c >= 0x0e00 && c <= 0x0eff) || (c >= 0x1000 && c <= 0x109f) || (c >= 0x1780 && c <= 0x17ff);
}

// What may stand inside a word without being seen: soft hyphen, joiners, variation selectors, byte order
// mark.
static bool is_ignorable(uint32_t c) {
  return c == 0xad || (c >= 0x200b && c <= 0x200d) || c == 0x2060 || (c >= 0xfe00 && c <= 0xfe0f) ||
         c == 0xfeff;
}

static loci_class classify(uint32_t c) {
  if (loci_unicode_is_cjk(c)) return LOCI_UNSPACED;
  if (!loci_unicode_is_alnum(c)) return LOCI_SEPARATOR;
  return is_south_east_asian(c) ? LOCI_UNSPACED : LOCI_LETTER;
}

loci_character loci_fts_character(const char *text, size_t n) {
  loci_character result = {.class = LOCI_SEPARATOR, .source_bytes = 1};
  unsigned char first = (unsigned char)text[0];
  if (first < 0x80) {  // the same as below, for the common case
    unsigned char lower = first >= 'A' && first <= 'Z' ? first | 0x20 : first;
    if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9')) {
      result.class = LOCI_LETTER;
      result.bytes[0] = (char)lower;
      result.count = 1;
    }
    return result;
  }
  uint32_t code_point;
  size_t length = decode((const unsigned char *)text, n, &code_point);
  if (length == 0) return result;
  result.source_bytes = length;
  if (is_ignorable(code_point)) {
    result.class = LOCI_IGNORED;
    return result;
  }
  // A Hangul syllable is one character of its script; its canonical decomposition would make it three.
  bool is_syllable = code_point >= 0xac00 && code_point <= 0xd7a3;
  uint32_t folded[LOCI_UNICODE_FOLD_MAX] = {code_point};
  size_t count = is_syllable ? 1 : loci_unicode_fold(code_point, folded);
  if (count == 0) {
    result.class = LOCI_IGNORED;
    return result;
  }
  result.class = classify(folded[0]);
  for (size_t i = 0; i < count && result.class != LOCI_SEPARATOR; i++) {
    if (i > 0 && classify(folded[i]) != result.class) break;
    result.count += encode(folded[i], result.bytes + result.count);
  }
  return result;
}
