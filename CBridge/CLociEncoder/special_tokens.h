// Tokens that are taken out of the raw text before anything else, as "[SEP]" and "<mask>" are.

#ifndef LOCI_SPECIAL_TOKENS_H
#define LOCI_SPECIAL_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint8_t *bytes;
  size_t count;
  int32_t id;
  bool single_word;  // only where no letter, digit or underscore touches it
  bool takes_left, takes_right;  // white space beside it goes with it
} loci_special_token;

typedef struct {
  loci_special_token *tokens;  // longest first
  size_t count;
  bool starts[256];  // whether some token starts with the byte
} loci_special_tokens;

/// Copies the token's bytes. False when it is empty or memory is short.
bool loci_special_tokens_add(loci_special_tokens *tokens, const loci_special_token *token);
void loci_special_tokens_free(loci_special_tokens *tokens);

/// The longest token that stands at `at` < `count`, whose byte starts some token; or NULL.
const loci_special_token *loci_special_tokens_match(
    const loci_special_tokens *tokens, const uint8_t *text, size_t count, size_t at);

/// The longest token that stands at `at` < `count`, or NULL.
static inline const loci_special_token *loci_special_tokens_at(
    const loci_special_tokens *tokens, const uint8_t *text, size_t count, size_t at) {
  return tokens->starts[text[at]] ? loci_special_tokens_match(tokens, text, count, at) : NULL;
}

/// Where the white space begins that ends at `end`, not before `start`.
size_t loci_space_before(const uint8_t *text, size_t start, size_t end);
/// Where the white space ends that begins at `start`.
size_t loci_space_after(const uint8_t *text, size_t start, size_t count);

#endif
