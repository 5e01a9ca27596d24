// CRC32C (Castagnoli): the table-free loop over bits as reference, the processor's instruction where it has one.
#include <string.h>

#include "loci_math.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif

uint32_t loci_math_crc32c_scalar(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *at = bytes;
  crc = ~crc;
  for (size_t i = 0; i < count; i++) {
    crc ^= at[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0x82F63B78u & (0u - (crc & 1u)));
  }
  return ~crc;
}

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("sse4.2"))), apply_to = function)
static uint32_t crc32c_hardware(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *at = bytes;
  uint64_t state = ~crc;
  for (; count >= 8; count -= 8, at += 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    state = _mm_crc32_u64(state, word);
  }
  uint32_t rest = (uint32_t)state;
  for (; count > 0; count--, at++) rest = _mm_crc32_u8(rest, *at);
  return ~rest;
}
#pragma clang attribute pop
static int has_hardware(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__)
#pragma clang attribute push(__attribute__((target("crc"))), apply_to = function)
static uint32_t crc32c_hardware(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *at = bytes;
  crc = ~crc;
  for (; count >= 8; count -= 8, at += 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    crc = __crc32cd(crc, word);
  }
  for (; count > 0; count--, at++) crc = __crc32cb(crc, *at);
  return ~crc;
}
#pragma clang attribute pop
static int has_hardware(void) { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }
#endif

uint32_t loci_math_crc32c(uint32_t crc, const void *bytes, size_t count) {
#if defined(__x86_64__) || defined(__aarch64__)
  if (has_hardware()) return crc32c_hardware(crc, bytes, count);
#endif
  return loci_math_crc32c_scalar(crc, bytes, count);
}
