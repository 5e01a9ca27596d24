// Layout of the generated grapheme tables (grapheme_tables.c), in two levels like tables.h.

#ifndef LOCI_GRAPHEMES_H
#define LOCI_GRAPHEMES_H

#include <stdint.h>

enum {
  GRAPHEME_EXTEND = 1 << 0,       // Grapheme_Cluster_Break = Extend
  GRAPHEME_SPACING = 1 << 1,      // SpacingMark, and ZWJ
  GRAPHEME_PREPEND = 1 << 2,
  GRAPHEME_PICTOGRAPH = 1 << 3,   // Extended_Pictographic
  GRAPHEME_CONTROL = 1 << 4,      // Control, CR, LF
  GRAPHEME_CONSONANT = 1 << 5,    // Indic_Conjunct_Break = Consonant
  GRAPHEME_LINKER = 1 << 6,       // … = Linker
  GRAPHEME_LINK_EXTEND = 1 << 7,  // … = Extend
};

enum { GRAPHEME_BLOCK_BITS = 7 };

extern const uint8_t loci_grapheme_blocks[0x110000 >> GRAPHEME_BLOCK_BITS];
extern const uint8_t loci_grapheme_cells[];

#endif
