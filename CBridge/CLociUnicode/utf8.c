#include "include/loci_unicode.h"

// The ranges of well-formed sequences are table 3-7 of the Unicode standard: the lead byte fixes the
// length and, for E0, ED, F0 and F4, narrows what the second byte may be.
typedef struct {
  uint8_t length;  // 0 when the byte cannot start a sequence
  uint8_t second_min, second_max;
} lead_rule;

static lead_rule rule_for(uint8_t lead) {
  if (lead >= 0xC2 && lead <= 0xDF) return (lead_rule){2, 0x80, 0xBF};
  if (lead == 0xE0) return (lead_rule){3, 0xA0, 0xBF};
  if (lead == 0xED) return (lead_rule){3, 0x80, 0x9F};
  if (lead >= 0xE1 && lead <= 0xEF) return (lead_rule){3, 0x80, 0xBF};
  if (lead == 0xF0) return (lead_rule){4, 0x90, 0xBF};
  if (lead >= 0xF1 && lead <= 0xF3) return (lead_rule){4, 0x80, 0xBF};
  if (lead == 0xF4) return (lead_rule){4, 0x80, 0x8F};
  return (lead_rule){0, 0, 0};
}

/// Like `loci_utf8_decode`, and says whether the bytes were well-formed.
static size_t decode(const uint8_t *bytes, size_t count, uint32_t *code, bool *ok) {
  const uint8_t lead = bytes[0];
  *ok = true;
  if (lead < 0x80) {
    *code = lead;
    return 1;
  }
  const lead_rule rule = rule_for(lead);
  uint32_t value = lead & (0x7Fu >> rule.length);
  uint8_t low = rule.second_min, high = rule.second_max;
  for (size_t i = 1; i < rule.length; i++) {
    if (i == count || bytes[i] < low || bytes[i] > high) {
      *ok = false;
      *code = LOCI_UTF8_REPLACEMENT;
      return i;
    }
    value = value << 6 | (bytes[i] & 0x3Fu);
    low = 0x80;
    high = 0xBF;
  }
  *ok = rule.length != 0;
  *code = *ok ? value : LOCI_UTF8_REPLACEMENT;
  return *ok ? rule.length : 1;
}

size_t loci_utf8_decode(const uint8_t *bytes, size_t count, uint32_t *code) {
  if (count == 0) return 0;
  bool ok;
  return decode(bytes, count, code, &ok);
}

bool loci_utf8_is_valid(const uint8_t *bytes, size_t count) {
  size_t at = 0;
  while (at < count) {
    uint32_t code;
    bool ok;
    at += decode(bytes + at, count - at, &code, &ok);
    if (!ok) return false;
  }
  return true;
}

size_t loci_utf8_encode(uint32_t code, uint8_t *out) {
  if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) code = LOCI_UTF8_REPLACEMENT;
  if (code < 0x80) {
    out[0] = (uint8_t)code;
    return 1;
  }
  if (code < 0x800) {
    out[0] = (uint8_t)(0xC0 | code >> 6);
    out[1] = (uint8_t)(0x80 | (code & 0x3F));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = (uint8_t)(0xE0 | code >> 12);
    out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3F));
    out[2] = (uint8_t)(0x80 | (code & 0x3F));
    return 3;
  }
  out[0] = (uint8_t)(0xF0 | code >> 18);
  out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3F));
  out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3F));
  out[3] = (uint8_t)(0x80 | (code & 0x3F));
  return 4;
}
