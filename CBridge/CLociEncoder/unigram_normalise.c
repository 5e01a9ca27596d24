#include <loci_unicode.h>
#include <stdlib.h>
#include <string.h>

#include "unigram_internal.h"

// Longer clusters are looked at character by character.
enum { CLUSTER_BYTES_MAX = 5 };

bool loci_code_buffer_reserve(loci_code_buffer *buffer, size_t count) {
  if (count <= buffer->capacity) return true;
  size_t capacity = buffer->capacity * 2 < count ? count : buffer->capacity * 2;
  uint32_t *grown = realloc(buffer->codes, capacity * sizeof *grown);
  if (grown == NULL) return false;
  buffer->codes = grown;
  buffer->capacity = capacity;
  return true;
}

static bool append_utf8(loci_code_buffer *buffer, const uint8_t *bytes, size_t count) {
  if (!loci_code_buffer_reserve(buffer, buffer->count + count)) return false;
  for (size_t at = 0; at < count;) {
    at += loci_utf8_decode(bytes + at, count - at, &buffer->codes[buffer->count]);
    buffer->count++;
  }
  return true;
}

/// One cluster by the compiled rules: as a whole when it is short and starts with a rule's text, else each character.
static bool append_cluster(
    const loci_charsmap *map, const uint8_t *cluster, size_t count, loci_code_buffer *buffer) {
  uint8_t clean[CLUSTER_BYTES_MAX + LOCI_UNICODE_FOLDED_MAX];  // ill-formed bytes as U+FFFD
  size_t clean_count = 0;
  for (size_t at = 0; at < count && clean_count <= CLUSTER_BYTES_MAX;) {
    uint32_t code;
    at += loci_utf8_decode(cluster + at, count - at, &code);
    clean_count += loci_utf8_encode(code, clean + clean_count);
  }
  size_t length;
  if (clean_count <= CLUSTER_BYTES_MAX) {
    const uint8_t *replacement = loci_charsmap_find(map, clean, clean_count, &length);
    if (replacement != NULL) return append_utf8(buffer, replacement, length);
  }
  for (size_t at = 0; at < count;) {
    uint32_t code;
    at += loci_utf8_decode(cluster + at, count - at, &code);
    const size_t bytes = loci_utf8_encode(code, clean);
    const uint8_t *replacement = loci_charsmap_find(map, clean, bytes, &length);
    if (replacement != NULL) {
      if (!append_utf8(buffer, replacement, length)) return false;
    } else {
      if (!loci_code_buffer_reserve(buffer, buffer->count + 1)) return false;
      buffer->codes[buffer->count++] = code;
    }
  }
  return true;
}

static bool apply_charsmap(
    const loci_charsmap *map, const uint8_t *text, size_t count, loci_code_buffer *buffer) {
  for (size_t at = 0; at < count;) {
    // The usual case: plain ASCII, and what follows does not join it.
    if (text[at] < 0x80 && map->single[text[at]] && (at + 1 == count || text[at + 1] < 0x80)) {
      if (!loci_code_buffer_reserve(buffer, buffer->count + 1)) return false;
      buffer->codes[buffer->count++] = text[at++];
      continue;
    }
    const size_t length = loci_grapheme_next(text + at, count - at);
    if (!append_cluster(map, text + at, length, buffer)) return false;
    at += length;
  }
  return true;
}

static bool is_space(uint32_t code) { return (loci_unicode_flags(code) & LOCI_UNICODE_WHITE_SPACE) != 0; }

/// Length of the match of `rule` at `at`, 0 when there is none.
static size_t match(const loci_unigram_rule *rule, const uint32_t *codes, size_t count, size_t at) {
  const size_t n = rule->from_count;
  size_t end = at, times = 0;
  while (count - end >= n && memcmp(codes + end, rule->from, n * sizeof *codes) == 0) {
    end += n;
    times++;
    if (rule->kind == LOCI_UNIGRAM_REPLACE) break;
  }
  return times > (rule->kind == LOCI_UNIGRAM_REPLACE_RUNS ? 1 : 0) ? end - at : 0;
}

static bool replace(const loci_unigram_rule *rule, loci_code_buffer *buffer, size_t start) {
  size_t first = start;
  while (first < buffer->count && match(rule, buffer->codes, buffer->count, first) == 0) first++;
  if (first == buffer->count) return true;
  const size_t rest = buffer->count - first;
  uint32_t *old = malloc(rest * sizeof *old);
  if (old == NULL) return false;
  memcpy(old, buffer->codes + first, rest * sizeof *old);
  buffer->count = first;
  bool fits = true;
  for (size_t at = 0; at < rest && fits;) {
    const size_t length = match(rule, old, rest, at);
    const size_t added = length == 0 ? 1 : rule->to_count;
    fits = loci_code_buffer_reserve(buffer, buffer->count + added);
    if (!fits) break;
    // A rule that deletes has no replacement to copy.
    if (added != 0) memcpy(buffer->codes + buffer->count, length == 0 ? old + at : rule->to, added * sizeof *old);
    buffer->count += added;
    at += length == 0 ? 1 : length;
  }
  free(old);
  return fits;
}

static void strip_left(loci_code_buffer *buffer, size_t start) {
  size_t first = start;
  while (first < buffer->count && is_space(buffer->codes[first])) first++;
  memmove(buffer->codes + start, buffer->codes + first, (buffer->count - first) * sizeof *buffer->codes);
  buffer->count -= first - start;
}

bool loci_unigram_normalise(
    const loci_unigram *tokenizer, const uint8_t *text, size_t count, loci_code_buffer *buffer) {
  const size_t start = buffer->count;
  if (!loci_code_buffer_reserve(buffer, start + count + 1)) return false;
  if (tokenizer->has_charsmap) {
    if (!apply_charsmap(&tokenizer->charsmap, text, count, buffer)) return false;
  } else if (!append_utf8(buffer, text, count)) {
    return false;
  }
  for (size_t i = 0; i < tokenizer->rule_count; i++) {
    const loci_unigram_rule *rule = &tokenizer->rules[i];
    switch (rule->kind) {
      case LOCI_UNIGRAM_STRIP_LEFT: strip_left(buffer, start); break;
      case LOCI_UNIGRAM_STRIP_RIGHT:
        while (buffer->count > start && is_space(buffer->codes[buffer->count - 1])) buffer->count--;
        break;
      case LOCI_UNIGRAM_REPLACE:
      case LOCI_UNIGRAM_REPLACE_RUNS:
        if (!replace(rule, buffer, start)) return false;
        break;
    }
  }
  return true;
}
