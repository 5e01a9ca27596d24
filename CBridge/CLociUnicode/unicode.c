#include "include/loci_unicode.h"
#include "tables.h"

enum {
  HANGUL_BASE = 0xAC00,
  HANGUL_COUNT = 11172,
  HANGUL_TAIL_COUNT = 28,
  HANGUL_VOWEL_COUNT = 21,
  JAMO_LEAD = 0x1100,
  JAMO_VOWEL = 0x1161,
  JAMO_TAIL = 0x11A7,
  CODE_MAX = 0x10FFFF
};

static size_t cell(const uint8_t *blocks, uint32_t code) {
  const uint32_t mask = (1u << LOCI_BLOCK_BITS) - 1;
  return ((size_t)blocks[code >> LOCI_BLOCK_BITS] << LOCI_BLOCK_BITS) | (code & mask);
}

static const loci_unicode_record *record(uint32_t code) {
  return &loci_unicode_records[loci_unicode_classes[cell(loci_unicode_class_blocks, code)]];
}

uint32_t loci_unicode_flags(uint32_t code) {
  return code > CODE_MAX ? 0 : record(code)->flags;
}

uint8_t loci_unicode_combining_class(uint32_t code) {
  return code > CODE_MAX ? 0 : record(code)->combining_class;
}

bool loci_unicode_is_cjk(uint32_t code) {
  return (loci_unicode_flags(code) & LOCI_UNICODE_CJK) != 0;
}

bool loci_unicode_is_alnum(uint32_t code) {
  return (loci_unicode_flags(code) & (LOCI_UNICODE_LETTER | LOCI_UNICODE_NUMBER)) != 0;
}

static size_t map(const uint8_t *blocks, const uint16_t *entries, uint32_t code, uint32_t *out) {
  const uint16_t offset = code > CODE_MAX ? 0 : entries[cell(blocks, code)];
  if (offset == 0) {
    out[0] = code;
    return 1;
  }
  const uint32_t *sequence = &loci_unicode_sequences[offset];
  const size_t length = sequence[0];
  for (size_t i = 0; i < length; i++) out[i] = sequence[i + 1];
  return length;
}

size_t loci_unicode_decompose(uint32_t code, uint32_t *out) {
  const uint32_t syllable = code - HANGUL_BASE;
  if (code >= HANGUL_BASE && syllable < HANGUL_COUNT) {
    const uint32_t tail = syllable % HANGUL_TAIL_COUNT, body = syllable / HANGUL_TAIL_COUNT;
    out[0] = JAMO_LEAD + body / HANGUL_VOWEL_COUNT;
    out[1] = JAMO_VOWEL + body % HANGUL_VOWEL_COUNT;
    out[2] = JAMO_TAIL + tail;
    return tail == 0 ? 2 : 3;
  }
  return map(loci_unicode_decomposed_blocks, loci_unicode_decomposed, code, out);
}

size_t loci_unicode_lower(uint32_t code, uint32_t *out) {
  return map(loci_unicode_lower_blocks, loci_unicode_lowered, code, out);
}

size_t loci_unicode_fold(uint32_t code, uint32_t *out) {
  return map(loci_unicode_folded_blocks, loci_unicode_folded, code, out);
}
