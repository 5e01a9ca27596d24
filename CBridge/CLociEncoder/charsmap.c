#include "charsmap.h"

#include <loci_unicode.h>
#include <stdlib.h>
#include <string.h>

enum { UNITS_MAX = 1 << 24 };

static uint32_t little_endian(const uint8_t *bytes) {
  return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

// The fields of a unit in Darts-clone's format.
static uint32_t unit_offset(uint32_t unit) { return (unit >> 10) << ((unit & 1u << 9) >> 6); }
static uint32_t unit_label(uint32_t unit) { return unit & (1u << 31 | 0xFF); }
static bool unit_has_leaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
static uint32_t unit_value(uint32_t unit) { return unit & ~(1u << 31); }

bool loci_charsmap_init(loci_charsmap *map, const uint8_t *bytes, size_t count) {
  *map = (loci_charsmap){0};
  if (count < 8) return false;
  const size_t array_bytes = little_endian(bytes);
  if (array_bytes == 0 || array_bytes % 4 != 0 || array_bytes / 4 > UNITS_MAX || array_bytes > count - 4) {
    return false;
  }
  const uint8_t *replacements = bytes + 4 + array_bytes;
  const size_t replacement_bytes = count - 4 - array_bytes;
  if (replacement_bytes != 0 && replacements[replacement_bytes - 1] != 0) return false;
  if (!loci_utf8_is_valid(replacements, replacement_bytes)) return false;
  map->units = malloc(array_bytes);
  map->replacements = malloc(replacement_bytes + 1);
  if (map->units == NULL || map->replacements == NULL) {
    loci_charsmap_free(map);
    return false;
  }
  map->unit_count = array_bytes / 4;
  for (size_t i = 0; i < map->unit_count; i++) map->units[i] = little_endian(bytes + 4 + 4 * i);
  memcpy(map->replacements, replacements, replacement_bytes);
  map->replacement_bytes = replacement_bytes;
  for (uint8_t byte = 0; byte < 128; byte++) {
    size_t length;
    map->single[byte] = loci_charsmap_find(map, &byte, 1, &length) == NULL;
  }
  return true;
}

void loci_charsmap_free(loci_charsmap *map) {
  free(map->units);
  free(map->replacements);
  *map = (loci_charsmap){0};
}

const uint8_t *loci_charsmap_find(
    const loci_charsmap *map, const uint8_t *text, size_t count, size_t *length) {
  uint32_t node = unit_offset(map->units[0]);
  for (size_t i = 0; i < count && text[i] != 0; i++) {
    node ^= text[i];
    if (node >= map->unit_count || unit_label(map->units[node]) != text[i]) return NULL;
    const uint32_t unit = map->units[node];
    node ^= unit_offset(unit);
    if (!unit_has_leaf(unit)) continue;
    if (node >= map->unit_count) return NULL;
    const uint32_t start = unit_value(map->units[node]);
    if (start >= map->replacement_bytes) return NULL;
    *length = strlen((const char *)map->replacements + start);  // the last byte is a 0
    return map->replacements + start;
  }
  return NULL;
}
