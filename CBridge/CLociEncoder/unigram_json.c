// Just enough JSON to read a vocabulary of some hundred thousand pieces without building objects of it.

#include <loci_unicode.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "loci_unigram.h"

enum { STRING_BYTES_MAX = 4096, DEPTH_MAX = 64, NUMBER_BYTES_MAX = 64 };

typedef struct {
  const uint8_t *at, *end;
} reader;

static void skip_space(reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')) r->at++;
}

static bool take(reader *r, uint8_t byte) {
  skip_space(r);
  if (r->at == r->end || *r->at != byte) return false;
  r->at++;
  return true;
}

static bool read_hex(reader *r, uint32_t *value) {
  if (r->end - r->at < 4) return false;
  *value = 0;
  for (int i = 0; i < 4; i++) {
    const uint8_t c = *r->at++, lower = c | 0x20;
    if (c >= '0' && c <= '9') {
      *value = *value << 4 | (uint32_t)(c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      *value = *value << 4 | (uint32_t)(lower - 'a' + 10);
    } else {
      return false;
    }
  }
  return true;
}

/// The code point after a backslash; a pair of surrogates is one.
static bool read_escape(reader *r, uint32_t *code) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  if (r->at == r->end) return false;
  const uint8_t kind = *r->at++;
  if (kind != 'u') {
    const char *found = kind == 0 ? NULL : strchr(names, kind);
    if (found == NULL) return false;
    *code = (uint8_t)values[found - names];
    return true;
  }
  if (!read_hex(r, code)) return false;
  if (*code < 0xD800 || *code > 0xDFFF) return true;
  uint32_t low;
  if (*code > 0xDBFF || r->end - r->at < 6 || r->at[0] != '\\' || r->at[1] != 'u') return false;
  r->at += 2;
  if (!read_hex(r, &low) || low < 0xDC00 || low > 0xDFFF) return false;
  *code = 0x10000 + ((*code - 0xD800) << 10 | (low - 0xDC00));
  return true;
}

/// A string's bytes, at most STRING_BYTES_MAX.
static bool read_string(reader *r, uint8_t *out, size_t *count) {
  *count = 0;
  if (!take(r, '"')) return false;
  while (r->at < r->end) {
    const uint8_t byte = *r->at++;
    if (byte == '"') return true;
    if (*count + 4 > STRING_BYTES_MAX || byte < 0x20) return false;
    if (byte != '\\') {
      out[(*count)++] = byte;
      continue;
    }
    uint32_t code;
    if (!read_escape(r, &code)) return false;
    *count += loci_utf8_encode(code, out + *count);
  }
  return false;
}

static bool read_number(reader *r, double *value) {
  skip_space(r);
  char text[NUMBER_BYTES_MAX + 1];
  size_t count = 0;
  while (r->at < r->end && count < NUMBER_BYTES_MAX && *r->at != 0 && strchr("0123456789+-.eE", *r->at) != NULL) {
    text[count++] = (char)*r->at++;
  }
  text[count] = 0;
  char *end;
  *value = strtod(text, &end);
  return count != 0 && *end == 0 && isfinite(*value);
}

bool loci_unigram_add_json(loci_unigram *tokenizer, const uint8_t *json, size_t count) {
  reader r = {json, json + count};
  uint8_t piece[STRING_BYTES_MAX];
  if (!take(&r, '[')) return false;
  if (take(&r, ']')) return true;
  do {
    size_t length;
    double score;
    if (!take(&r, '[') || !read_string(&r, piece, &length) || !take(&r, ',') || !read_number(&r, &score) ||
        !take(&r, ']') || !loci_unigram_add_piece(tokenizer, piece, length, score)) {
      return false;
    }
  } while (take(&r, ','));
  return take(&r, ']');
}

/// Moves past a string without reading it.
static bool skip_string(reader *r) {
  if (!take(r, '"')) return false;
  while (r->at < r->end) {
    const uint8_t byte = *r->at++;
    if (byte == '"') return true;
    if (byte == '\\' && r->at < r->end) r->at++;
  }
  return false;
}

static bool skip_value(reader *r) {
  skip_space(r);
  size_t depth = 0;
  do {
    if (r->at == r->end) return false;
    const uint8_t byte = *r->at;
    if (byte == '"') {
      if (!skip_string(r)) return false;
    } else if (byte == '[' || byte == '{') {
      if (++depth > DEPTH_MAX) return false;
      r->at++;
    } else if (byte == ']' || byte == '}') {
      if (depth == 0) return false;
      depth--;
      r->at++;
    } else if (depth == 0) {
      while (r->at < r->end && strchr(",]} \n\r\t", *r->at) == NULL) r->at++;
    } else {
      r->at++;
    }
  } while (depth != 0);
  return true;
}

bool loci_json_member(const uint8_t *json, size_t count, const char *name, size_t *start, size_t *end) {
  reader r = {json, json + count};
  uint8_t key[STRING_BYTES_MAX];
  if (!take(&r, '{')) return false;
  do {
    size_t length;
    if (!read_string(&r, key, &length) || !take(&r, ':')) return false;
    skip_space(&r);
    *start = (size_t)(r.at - json);
    if (!skip_value(&r)) return false;
    *end = (size_t)(r.at - json);
    if (length == strlen(name) && memcmp(key, name, length) == 0) return true;
  } while (take(&r, ','));
  return false;
}
