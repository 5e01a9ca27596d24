// UTF-8 to folded characters.
#include "characters.h"

#include <loci_unicode.h>

_Static_assert(sizeof((loci_character *)0)->bytes >= 4 * LOCI_UNICODE_FOLDED_MAX, "room for any folding");

// Scripts written without spaces between words, besides Han, kana and Hangul.
static bool is_south_east_asian(uint32_t c) {
  return (c >= 0x0e00 && c <= 0x0eff) || (c >= 0x1000 && c <= 0x109f) || (c >= 0x1780 && c <= 0x17ff);
}

static loci_class classify(uint32_t c) {
  if (loci_unicode_is_cjk(c)) return LOCI_UNSPACED;
  if (!loci_unicode_is_alnum(c)) return LOCI_SEPARATOR;
  return is_south_east_asian(c) ? LOCI_UNSPACED : LOCI_LETTER;
}

static loci_character ascii(unsigned char c) {
  loci_character result = {.class = LOCI_SEPARATOR, .source_bytes = 1};
  if (c >= 'A' && c <= 'Z') c |= 0x20;
  if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
    result.class = LOCI_LETTER;
    result.bytes[0] = (char)c;
    result.count = 1;
  }
  return result;
}

loci_character loci_fts_character(const char *text, size_t n) {
  if ((unsigned char)text[0] < 0x80) return ascii((unsigned char)text[0]);
  uint32_t code, folded[LOCI_UNICODE_FOLDED_MAX];
  loci_character result = {0};
  result.source_bytes = loci_utf8_decode((const uint8_t *)text, n, &code);
  size_t count = loci_unicode_fold(code, folded);
  result.class = count == 0 ? LOCI_IGNORED : classify(folded[0]);
  if (result.class == LOCI_SEPARATOR) return result;
  for (size_t i = 0; i < count && classify(folded[i]) == result.class; i++) {
    result.count += loci_utf8_encode(folded[i], (uint8_t *)result.bytes + result.count);
  }
  return result;
}
