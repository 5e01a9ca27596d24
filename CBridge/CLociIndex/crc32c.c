#include "crc32c.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

uint32_t loci_index_crc32c_plain(const void *bytes, size_t count) {
  const uint8_t *at = bytes;
  uint32_t crc = ~0u;
  for (size_t i = 0; i < count; i++) {
    crc ^= at[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
  }
  return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t hardware(const uint8_t *at, size_t count) {
  uint64_t crc = 0xffffffffu;
  for (; count >= 8; at += 8, count -= 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  for (; count > 0; at++, count--) crc = _mm_crc32_u8((uint32_t)crc, *at);
  return ~(uint32_t)crc;
}
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
static uint32_t hardware(const uint8_t *at, size_t count) {
  uint32_t crc = ~0u;
  for (; count >= 8; at += 8, count -= 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    crc = __crc32cd(crc, word);
  }
  for (; count > 0; at++, count--) crc = __crc32cb(crc, *at);
  return ~crc;
}
#endif

uint32_t loci_index_crc32c(const void *bytes, size_t count) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return hardware(bytes, count);
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
  return hardware(bytes, count);
#endif
  return loci_index_crc32c_plain(bytes, count);
}
