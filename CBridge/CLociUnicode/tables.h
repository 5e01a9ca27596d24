// Layout of the generated tables (tables.c). Two levels: the first gives a block number for each run
// of 128 code points, the second an entry for each code point of the block.

#ifndef LOCI_UNICODE_TABLES_H
#define LOCI_UNICODE_TABLES_H

#include <stdint.h>

enum { LOCI_BLOCK_BITS = 7, LOCI_BLOCK_COUNT = 0x110000 >> LOCI_BLOCK_BITS };

/// What one code point is; entries of the class table are indexes into `loci_unicode_records`.
typedef struct {
  uint16_t flags;
  uint8_t combining_class;
} loci_unicode_record;

extern const uint8_t loci_unicode_class_blocks[LOCI_BLOCK_COUNT];
extern const uint8_t loci_unicode_classes[];
extern const loci_unicode_record loci_unicode_records[];

// Entries of the three mapping tables are offsets into `loci_unicode_sequences`, where a sequence is
// its length followed by its code points. Offset 0 means that the code point maps to itself.
extern const uint8_t loci_unicode_decomposed_blocks[LOCI_BLOCK_COUNT];
extern const uint16_t loci_unicode_decomposed[];
extern const uint8_t loci_unicode_lower_blocks[LOCI_BLOCK_COUNT];
extern const uint16_t loci_unicode_lowered[];
extern const uint8_t loci_unicode_folded_blocks[LOCI_BLOCK_COUNT];
extern const uint16_t loci_unicode_folded[];
extern const uint32_t loci_unicode_sequences[];

#endif
