#include <loci_unicode.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unigram_internal.h"

// SentencePiece's kUnkPenalty.
static const double UNKNOWN_PENALTY = 10;
enum { PIECE_BYTES_MAX = 4096 };

loci_unigram *loci_unigram_create(const loci_unigram_options *options) {
  loci_unigram *t = calloc(1, sizeof *t);
  if (t == NULL) return NULL;
  t->options = *options;
  t->unknown_score = INFINITY;  // the least score so far, until the tokenizer is finished
  if (!loci_code_trie_init(&t->trie)) {
    free(t);
    return NULL;
  }
  return t;
}

void loci_unigram_destroy(loci_unigram *tokenizer) {
  if (tokenizer == NULL) return;
  for (size_t i = 0; i < tokenizer->rule_count; i++) {
    free(tokenizer->rules[i].from);
    free(tokenizer->rules[i].to);
  }
  loci_charsmap_free(&tokenizer->charsmap);
  loci_code_trie_free(&tokenizer->trie);
  loci_special_tokens_free(&tokenizer->specials);
  free(tokenizer->scores);
  free(tokenizer->wholes);
  free(tokenizer);
}

bool loci_unigram_set_charsmap(loci_unigram *tokenizer, const uint8_t *bytes, size_t count) {
  loci_charsmap_free(&tokenizer->charsmap);
  tokenizer->has_charsmap = loci_charsmap_init(&tokenizer->charsmap, bytes, count);
  return tokenizer->has_charsmap;
}

/// `bytes` as code points, to be freed; NULL when memory is short.
static uint32_t *decoded(const uint8_t *bytes, size_t count, size_t *codes) {
  uint32_t *out = malloc((count + 1) * sizeof *out);
  *codes = 0;
  for (size_t at = 0; out != NULL && at < count;) at += loci_utf8_decode(bytes + at, count - at, &out[(*codes)++]);
  return out;
}

bool loci_unigram_add_step(
    loci_unigram *tokenizer, loci_unigram_step step, const uint8_t *from, size_t from_count, const uint8_t *to,
    size_t to_count) {
  const bool replaces = step == LOCI_UNIGRAM_REPLACE || step == LOCI_UNIGRAM_REPLACE_RUNS;
  if (tokenizer->rule_count == LOCI_UNIGRAM_STEPS_MAX || (replaces && from_count == 0)) return false;
  loci_unigram_rule rule = {.kind = step};
  rule.from = decoded(from, from_count, &rule.from_count);
  rule.to = decoded(to, to_count, &rule.to_count);
  if (rule.from == NULL || rule.to == NULL) {
    free(rule.from);
    free(rule.to);
    return false;
  }
  tokenizer->rules[tokenizer->rule_count++] = rule;
  return true;
}

bool loci_unigram_add_piece(loci_unigram *tokenizer, const uint8_t *piece, size_t count, double score) {
  if (tokenizer->piece_count == LOCI_UNIGRAM_PIECES_MAX || count > PIECE_BYTES_MAX || !isfinite(score) ||
      !loci_utf8_is_valid(piece, count)) {
    return false;
  }
  if (tokenizer->piece_count == tokenizer->piece_capacity) {
    const size_t capacity = tokenizer->piece_capacity == 0 ? 1024 : 2 * tokenizer->piece_capacity;
    double *grown = realloc(tokenizer->scores, capacity * sizeof *grown);
    if (grown == NULL) return false;
    tokenizer->scores = grown;
    tokenizer->piece_capacity = capacity;
  }
  uint32_t codes[PIECE_BYTES_MAX];
  size_t length = 0;
  for (size_t at = 0; at < count;) at += loci_utf8_decode(piece + at, count - at, &codes[length++]);
  // An empty piece matches nothing; its id is taken all the same.
  const int32_t id = (int32_t)tokenizer->piece_count;
  if (length != 0 && !loci_code_trie_insert(&tokenizer->trie, codes, length, id)) return false;
  tokenizer->scores[tokenizer->piece_count++] = score;
  if (score < tokenizer->unknown_score) tokenizer->unknown_score = score;
  return true;
}

bool loci_unigram_add_special(
    loci_unigram *tokenizer, const uint8_t *token, size_t count, int32_t id, bool single_word, bool takes_left,
    bool takes_right) {
  // The token's bytes are copied, not written to.
  const loci_special_token special = {
      .bytes = (uint8_t *)token, .count = count, .id = id, .single_word = single_word, .takes_left = takes_left,
      .takes_right = takes_right};
  return id >= 0 && loci_special_tokens_add(&tokenizer->specials, &special);
}

bool loci_unigram_finish(loci_unigram *tokenizer) {
  const int32_t unknown = tokenizer->options.unknown_id;
  if (unknown < 0 || (size_t)unknown >= tokenizer->piece_count) return false;
  tokenizer->wholes = calloc(tokenizer->piece_count, sizeof *tokenizer->wholes);
  if (tokenizer->wholes == NULL) return false;
  tokenizer->unknown_score -= UNKNOWN_PENALTY;
  for (int byte = 0; byte < 256; byte++) {
    char piece[8];
    const int length = snprintf(piece, sizeof piece, "<0x%02X>", byte);
    tokenizer->byte_ids[byte] = loci_unigram_id(tokenizer, (const uint8_t *)piece, (size_t)length);
  }
  return true;
}

size_t loci_unigram_piece_count(const loci_unigram *tokenizer) { return tokenizer->piece_count; }
