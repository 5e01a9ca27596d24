#if defined(__aarch64__)

#include "page_checksum.h"

#include <arm_acle.h>
#include <string.h>
#if defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#pragma clang attribute push(__attribute__((target("crc"))), apply_to = function)

static uint64_t checksum_crc(const void *bytes, size_t count, uint32_t page_number) {
  uint32_t even = loci_checksum_seed_even(page_number), odd = loci_checksum_seed_odd(page_number);
  const uint8_t *at = bytes;
  size_t pairs = count / 16;
  for (size_t index = 0; index < pairs; index++, at += 16) {
    uint64_t words[2];
    memcpy(words, at, sizeof words);
    even = __crc32cd(even, words[0]);
    odd = __crc32cd(odd, words[1]);
  }
  if (count % 16 >= 8) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    even = __crc32cd(even, word);
  }
  return (uint64_t)odd << 32 | even;
}

#pragma clang attribute pop

loci_checksum_function loci_page_checksum_hardware(void) {
#if defined(__linux__)
  return getauxval(AT_HWCAP) & HWCAP_CRC32 ? checksum_crc : NULL;
#else
  return checksum_crc;
#endif
}

#elif !defined(__x86_64__)

#include "page_checksum.h"

loci_checksum_function loci_page_checksum_hardware(void) { return NULL; }

#endif
