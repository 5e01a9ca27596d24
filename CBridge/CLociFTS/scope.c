// Scope keys, headers, and what is stored for a token.
#include "scope.h"

#include <string.h>

static bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == ':' || c == '-';
}

bool loci_fts_scope_is_valid(const char *scope, size_t n) {
  if (n == 0 || n > LOCI_FTS_SCOPE_BYTES_MAX) return false;
  for (size_t i = 0; i < n; i++) {
    if (!is_key_character(scope[i])) return false;
  }
  return true;
}

size_t loci_fts_header(const char *text, size_t n, const char **scope, size_t *scope_bytes) {
  *scope_bytes = 0;
  if (n == 0 || text[0] != LOCI_FTS_SCOPE_BEGIN) return 0;
  size_t length = 0;
  while (1 + length < n && is_key_character(text[1 + length])) length++;
  if (1 + length == n || text[1 + length] != LOCI_FTS_SCOPE_END) return 0;
  if (!loci_fts_scope_is_valid(text + 1, length)) return 0;
  *scope = text + 1;
  *scope_bytes = length;
  return length + 2;
}

void loci_fts_make_term(const loci_fts_token *token, const char *scope, size_t scope_bytes,
                        loci_fts_term *term) {
  term->count = 0;
  if (scope_bytes > 0) {
    memcpy(term->bytes, scope, scope_bytes);
    term->bytes[scope_bytes] = LOCI_FTS_SCOPE_SEPARATOR;
    term->count = scope_bytes + 1;
  }
  memcpy(term->bytes + term->count, token->bytes, token->count);
  bool is_word = token->kind == LOCI_FTS_WORD;
  term->count += is_word ? loci_fts_stem(term->bytes + term->count, token->count) : token->count;
}
