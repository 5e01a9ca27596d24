#include "page_checksum.h"
#include "loci_sqlite.h"

#include <string.h>

#define CRC32C_REFLECTED 0x82F63B78u

/// Bit by bit: the reference that the hardware levels are compared with, and the level of CPUs without one.
/// A table would be faster, and no supported server CPU needs it.
static uint32_t crc32c_word(uint32_t crc, uint64_t word) {
  for (int byte = 0; byte < 8; byte++) {
    crc ^= (uint32_t)(word >> (8 * byte)) & 0xFF;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (CRC32C_REFLECTED & (0u - (crc & 1u)));
  }
  return crc;
}

uint64_t loci_page_checksum_scalar(const void *bytes, size_t count, uint32_t page_number) {
  uint32_t lanes[2] = {loci_checksum_seed_even(page_number), loci_checksum_seed_odd(page_number)};
  const uint8_t *at = bytes;
  for (size_t index = 0; index < count / 8; index++) {
    uint64_t word = 0;
    for (int byte = 7; byte >= 0; byte--) word = (word << 8) | at[8 * index + (size_t)byte];
    lanes[index & 1] = crc32c_word(lanes[index & 1], word);
  }
  return (uint64_t)lanes[1] << 32 | lanes[0];
}

loci_checksum_level loci_checksum_level_best(void) {
  return loci_page_checksum_hardware() ? LOCI_CHECKSUM_HARDWARE : LOCI_CHECKSUM_SCALAR;
}

uint64_t loci_page_checksum(
    const void *bytes, size_t count, uint32_t page_number, loci_checksum_level level) {
  loci_checksum_function hardware = level == LOCI_CHECKSUM_HARDWARE ? loci_page_checksum_hardware() : NULL;
  return (hardware ? hardware : loci_page_checksum_scalar)(bytes, count, page_number);
}

static inline uint32_t load_word(const uint8_t *at, bool big_endian) {
  uint32_t word;
  memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return big_endian ? __builtin_bswap32(word) : word;
#else
  return big_endian ? word : __builtin_bswap32(word);
#endif
}

void loci_wal_checksum(const void *bytes, size_t count, bool big_endian, uint32_t sums[2]) {
  const uint8_t *at = bytes;
  uint32_t s1 = sums[0], s2 = sums[1];
  for (size_t index = 0; index + 8 <= count; index += 8) {
    s1 += load_word(at + index, big_endian) + s2;
    s2 += load_word(at + index + 4, big_endian) + s1;
  }
  sums[0] = s1;
  sums[1] = s2;
}
