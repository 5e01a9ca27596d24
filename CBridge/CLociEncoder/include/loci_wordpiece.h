// WordPiece tokenization exactly as HuggingFace's tokenizers 0.23 does it: BertNormalizer, then
// BertPreTokenizer, then greedy longest match (Schuster and Nakajima 2012; Devlin et al. 2019). One pass
// over the text; encoding allocates nothing and a tokenizer may be shared between threads once built.

#ifndef LOCI_WORDPIECE_H
#define LOCI_WORDPIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma clang assume_nonnull begin

typedef struct loci_wordpiece loci_wordpiece;

/// Words of more characters than the tokenizer's own limit become one unknown token. No limit may exceed this.
#define LOCI_WORDPIECE_WORD_MAX 1000
/// Bytes of all pieces together.
#define LOCI_WORDPIECE_BYTES_MAX (16u << 20)

typedef struct loci_wordpiece_options {
  bool clean_text;     ///< drop control characters, make white space plain spaces
  bool space_ideographs;  ///< make each CJK ideograph a word
  bool strip_accents;  ///< decompose, then drop non-spacing marks
  bool lower_case;
  int32_t unknown_id;
  uint32_t word_characters_max;  ///< 1 to LOCI_WORDPIECE_WORD_MAX; 100 in every BERT
} loci_wordpiece_options;

/// A tokenizer without pieces, or NULL when memory is short or an option is out of range. `piece_bytes` is
/// the length of all pieces that will be added, at most LOCI_WORDPIECE_BYTES_MAX.
loci_wordpiece *_Nullable loci_wordpiece_create(const loci_wordpiece_options *options, size_t piece_bytes);

void loci_wordpiece_destroy(loci_wordpiece *_Nullable tokenizer);

/// Adds a piece of well-formed UTF-8, without its "##" when it continues a word. A piece added twice keeps
/// its last id. False when `id` is negative, the piece is empty, or `piece_bytes` would be exceeded.
bool loci_wordpiece_add_piece(
    loci_wordpiece *tokenizer, const uint8_t *piece, size_t count, bool continues_word, int32_t id);

/// Adds a token that is taken out of the raw text before anything else, as "[SEP]" is. With `single_word` only
/// where no letter, digit or underscore touches it. False when it is empty or memory is short.
bool loci_wordpiece_add_special(
    loci_wordpiece *tokenizer, const uint8_t *token, size_t count, bool single_word, int32_t id);

/// Writes the first `capacity` ids of the text to `ids` and returns how many there are in all. Adds no
/// [CLS] or [SEP]. Ill-formed UTF-8 reads as U+FFFD, which clean_text drops. O(count).
size_t loci_wordpiece_encode(
    const loci_wordpiece *tokenizer, const uint8_t *_Nullable text, size_t count, int32_t *_Nullable ids,
    size_t capacity);

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif

#endif
