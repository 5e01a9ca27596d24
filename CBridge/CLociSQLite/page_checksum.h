#ifndef LOCI_PAGE_CHECKSUM_H
#define LOCI_PAGE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// One function per instruction level; see loci_page_checksum. NULL where the level does not exist.
typedef uint64_t (*loci_checksum_function)(const void *bytes, size_t count, uint32_t page_number);

uint64_t loci_page_checksum_scalar(const void *bytes, size_t count, uint32_t page_number);
/// Defined in the file of the target's instruction set.
loci_checksum_function loci_page_checksum_hardware(void);

/// Where the two lanes start. The odd lane differs, so that a page of equal words has two different halves.
static inline uint32_t loci_checksum_seed_even(uint32_t page_number) { return 0xFFFFFFFFu ^ page_number; }
static inline uint32_t loci_checksum_seed_odd(uint32_t page_number) { return 0x4C4F4349u ^ page_number; }

#endif
