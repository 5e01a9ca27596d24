#if defined(__x86_64__)

#include "page_checksum.h"

#include <nmmintrin.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("sse4.2"))), apply_to = function)

static uint64_t checksum_sse42(const void *bytes, size_t count, uint32_t page_number) {
  uint64_t even = loci_checksum_seed_even(page_number), odd = loci_checksum_seed_odd(page_number);
  const uint8_t *at = bytes;
  size_t pairs = count / 16;
  for (size_t index = 0; index < pairs; index++, at += 16) {
    uint64_t words[2];
    memcpy(words, at, sizeof words);
    even = _mm_crc32_u64(even, words[0]);
    odd = _mm_crc32_u64(odd, words[1]);
  }
  if (count % 16 >= 8) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    even = _mm_crc32_u64(even, word);
  }
  return odd << 32 | even;
}

#pragma clang attribute pop

loci_checksum_function loci_page_checksum_hardware(void) {
  return __builtin_cpu_supports("sse4.2") ? checksum_sse42 : NULL;
}

#endif
