#include "graphemes.h"

#include "include/loci_unicode.h"

enum { ZERO_WIDTH_JOINER = 0x200D, CODE_MAX = 0x10FFFF };

// What a Hangul character may be followed by within a syllable (UAX #29, rules GB6 to GB8).
typedef enum { HANGUL_NONE, HANGUL_LEAD, HANGUL_VOWEL, HANGUL_TAIL, HANGUL_LV, HANGUL_LVT } hangul;

static uint8_t flags_of(uint32_t code) {
  if (code > CODE_MAX) return 0;
  const uint32_t mask = (1u << GRAPHEME_BLOCK_BITS) - 1;
  const uint32_t block = loci_grapheme_blocks[code >> GRAPHEME_BLOCK_BITS];
  return loci_grapheme_cells[block << GRAPHEME_BLOCK_BITS | (code & mask)];
}

static hangul hangul_of(uint32_t code) {
  if (code < 0x1100 || code > 0xD7FB) return HANGUL_NONE;
  if (code <= 0x11FF) return code < 0x1160 ? HANGUL_LEAD : code < 0x11A8 ? HANGUL_VOWEL : HANGUL_TAIL;
  if (code >= 0xAC00 && code <= 0xD7A3) return (code - 0xAC00) % 28 == 0 ? HANGUL_LV : HANGUL_LVT;
  if (code >= 0xA960 && code <= 0xA97C) return HANGUL_LEAD;
  if (code >= 0xD7B0 && code <= 0xD7C6) return HANGUL_VOWEL;
  return code >= 0xD7CB ? HANGUL_TAIL : HANGUL_NONE;
}

static bool hangul_joins(hangul before, hangul after) {
  switch (before) {
    case HANGUL_LEAD:
      return after == HANGUL_LEAD || after == HANGUL_VOWEL || after == HANGUL_LV || after == HANGUL_LVT;
    case HANGUL_LV:
    case HANGUL_VOWEL:
      return after == HANGUL_VOWEL || after == HANGUL_TAIL;
    case HANGUL_LVT:
    case HANGUL_TAIL:
      return after == HANGUL_TAIL;
    case HANGUL_NONE:
      return false;
  }
  return false;
}

static bool is_regional(uint32_t code) { return code >= 0x1F1E6 && code <= 0x1F1FF; }

size_t loci_grapheme_next(const uint8_t *bytes, size_t count) {
  uint32_t code;
  size_t end = loci_utf8_decode(bytes, count, &code);
  if (end == 0) return 0;
  if (code == '\r') return end < count && bytes[end] == '\n' ? end + 1 : end;
  uint8_t flags = flags_of(code);
  if (flags & GRAPHEME_CONTROL) return end;
  bool pictograph = (flags & GRAPHEME_PICTOGRAPH) != 0, joined = false;  // GB11: pictograph, extends, joiner
  bool conjunct = (flags & GRAPHEME_CONSONANT) != 0, linked = false;     // GB9c: consonant, extends, linker
  bool flag = is_regional(code);
  while (end < count) {
    // A letter of ASCII follows almost everything, and joins only what is prepended to it.
    if (bytes[end] < 0x80 && !(flags & GRAPHEME_PREPEND)) return end;
    uint32_t next;
    const size_t length = loci_utf8_decode(bytes + end, count - end, &next);
    const uint8_t after = flags_of(next);
    if (after & GRAPHEME_CONTROL) return end;
    const bool extends = (after & (GRAPHEME_EXTEND | GRAPHEME_SPACING)) != 0;
    const bool is_pictograph = (after & GRAPHEME_PICTOGRAPH) != 0;
    const bool is_consonant = (after & GRAPHEME_CONSONANT) != 0;
    if (!extends && !(flags & GRAPHEME_PREPEND) && !(joined && is_pictograph) &&
        !(linked && is_consonant) && !hangul_joins(hangul_of(code), hangul_of(next)) &&
        !(flag && is_regional(next))) {
      return end;
    }
    joined = pictograph && next == ZERO_WIDTH_JOINER;
    pictograph = is_pictograph || (pictograph && (after & GRAPHEME_EXTEND));
    linked = conjunct && ((after & GRAPHEME_LINKER) || (linked && (after & GRAPHEME_LINK_EXTEND)));
    conjunct = is_consonant || (conjunct && (after & (GRAPHEME_LINKER | GRAPHEME_LINK_EXTEND)));
    flag = !flag && is_regional(next);
    code = next;
    flags = after;
    end += length;
  }
  return end;
}
