#include <string.h>

#include "loci_wire.h"

static uint64_t mix(uint64_t h, const uint8_t *bytes, size_t n) {
  h ^= n;
  while (n >= 8) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
    bytes += 8;
    n -= 8;
  }
  uint64_t word = 0;
  if (n > 0) memcpy(&word, bytes, n);
  h = (h ^ word) * 0xbf58476d1ce4e5b9u;
  return h ^ (h >> 32);
}

uint64_t loci_wire_method_hash(const uint8_t *service, size_t service_n, const uint8_t *method,
                               size_t method_n) {
  return mix(mix(0x243f6a8885a308d3u, service, service_n), method, method_n);
}
