#include "special_tokens.h"

#include <loci_unicode.h>
#include <stdlib.h>
#include <string.h>

static bool is_word_character(uint32_t code) {
  const uint32_t word = LOCI_UNICODE_LETTER | LOCI_UNICODE_NUMBER | LOCI_UNICODE_NONSPACING;
  return code == '_' || (loci_unicode_flags(code) & word) != 0;
}

static size_t step_back(const uint8_t *text, size_t end) {
  size_t before = end - 1;
  while (before > 0 && end - before < 4 && (text[before] & 0xC0) == 0x80) before--;
  return before;
}

static bool touches_word(const uint8_t *text, size_t count, size_t start, size_t end) {
  uint32_t code;
  if (loci_utf8_decode(text + end, count - end, &code) != 0 && is_word_character(code)) return true;
  if (start == 0) return false;
  const size_t before = step_back(text, start);
  return loci_utf8_decode(text + before, start - before, &code) != 0 && is_word_character(code);
}

const loci_special_token *loci_special_tokens_match(
    const loci_special_tokens *tokens, const uint8_t *text, size_t count, size_t at) {
  for (size_t i = 0; i < tokens->count; i++) {
    const loci_special_token *token = &tokens->tokens[i];
    if (token->count > count - at || memcmp(text + at, token->bytes, token->count) != 0) continue;
    if (token->single_word && touches_word(text, count, at, at + token->count)) continue;
    return token;
  }
  return NULL;
}

size_t loci_space_before(const uint8_t *text, size_t start, size_t end) {
  while (end > start) {
    const size_t before = step_back(text, end);
    uint32_t code;
    loci_utf8_decode(text + before, end - before, &code);
    if (before < start || !(loci_unicode_flags(code) & LOCI_UNICODE_WHITE_SPACE)) break;
    end = before;
  }
  return end;
}

size_t loci_space_after(const uint8_t *text, size_t start, size_t count) {
  while (start < count) {
    uint32_t code;
    const size_t length = loci_utf8_decode(text + start, count - start, &code);
    if (!(loci_unicode_flags(code) & LOCI_UNICODE_WHITE_SPACE)) break;
    start += length;
  }
  return start;
}

bool loci_special_tokens_add(loci_special_tokens *tokens, const loci_special_token *token) {
  if (token->count == 0) return false;
  loci_special_token *grown = realloc(tokens->tokens, (tokens->count + 1) * sizeof *grown);
  if (grown == NULL) return false;
  tokens->tokens = grown;
  uint8_t *bytes = malloc(token->count);
  if (bytes == NULL) return false;
  memcpy(bytes, token->bytes, token->count);
  size_t at = tokens->count++;
  for (; at > 0 && grown[at - 1].count < token->count; at--) grown[at] = grown[at - 1];
  grown[at] = *token;
  grown[at].bytes = bytes;
  tokens->starts[bytes[0]] = true;
  return true;
}

void loci_special_tokens_free(loci_special_tokens *tokens) {
  for (size_t i = 0; i < tokens->count; i++) free(tokens->tokens[i].bytes);
  free(tokens->tokens);
  *tokens = (loci_special_tokens){0};
}
