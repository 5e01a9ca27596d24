// Unigram tokenization (Kudo 2018, "Subword Regularization", section 3) exactly as HuggingFace's tokenizers 0.23
// does it: normaliser (compiled SentencePiece rules, then replacements), white-space splitting and Metaspace, then
// the best path by Viterbi in float64. A tokenizer may be shared between threads once it is finished.

#ifndef LOCI_UNIGRAM_H
#define LOCI_UNIGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma clang assume_nonnull begin

typedef struct loci_unigram loci_unigram;

/// Which parts of a text get a metaspace in front, unless they start with one.
typedef enum __attribute__((enum_extensibility(closed))) loci_unigram_prepend : int32_t {
  LOCI_UNIGRAM_PREPEND_NEVER __attribute__((swift_name("never"))) = 0,
  LOCI_UNIGRAM_PREPEND_FIRST __attribute__((swift_name("first"))) = 1,  ///< the text's beginning only
  LOCI_UNIGRAM_PREPEND_ALWAYS __attribute__((swift_name("always"))) = 2
} loci_unigram_prepend;

typedef struct loci_unigram_options {
  int32_t unknown_id;
  bool byte_fallback;        ///< unknown characters become the pieces <0x00> to <0xFF>
  bool splits_white_space;   ///< split at white space and drop it, before Metaspace
  bool splits_metaspaces;    ///< each metaspace starts a word
  loci_unigram_prepend prepend;
  uint32_t metaspace;        ///< code point that spaces become; U+2581
} loci_unigram_options;

/// Normalisation steps after the compiled rules, in the order they are added.
typedef enum __attribute__((enum_extensibility(closed))) loci_unigram_step : int32_t {
  LOCI_UNIGRAM_STRIP_LEFT __attribute__((swift_name("stripLeft"))) = 0,    ///< white space at the start
  LOCI_UNIGRAM_STRIP_RIGHT __attribute__((swift_name("stripRight"))) = 1,  ///< white space at the end
  LOCI_UNIGRAM_REPLACE __attribute__((swift_name("replace"))) = 2,         ///< every `from` by `to`
  LOCI_UNIGRAM_REPLACE_RUNS __attribute__((swift_name("replaceRuns"))) = 3 ///< two or more `from` in a row by one `to`
} loci_unigram_step;

#define LOCI_UNIGRAM_PIECES_MAX 4000000
#define LOCI_UNIGRAM_STEPS_MAX 16

/// A tokenizer without pieces; NULL when memory is short.
loci_unigram *_Nullable loci_unigram_create(const loci_unigram_options *options);
void loci_unigram_destroy(loci_unigram *_Nullable tokenizer);

/// The compiled rules of SentencePiece. False when they are malformed.
bool loci_unigram_set_charsmap(loci_unigram *tokenizer, const uint8_t *bytes, size_t count);

/// `from` and `to` are UTF-8 and used by the replacing steps only; `from` is not empty there. False when there are
/// too many steps.
bool loci_unigram_add_step(
    loci_unigram *tokenizer, loci_unigram_step step, const uint8_t *_Nullable from, size_t from_count,
    const uint8_t *_Nullable to, size_t to_count);

/// Adds a piece of well-formed UTF-8 under the next id, from 0; its score is a log-probability. Of a piece that comes
/// twice the last id counts. False when a limit is passed, the score is not finite, or memory is short.
bool loci_unigram_add_piece(loci_unigram *tokenizer, const uint8_t *_Nullable piece, size_t count, double score);

/// Adds all pieces of a JSON array [["piece", score], …]. `json` spans it from '[' to ']'.
bool loci_unigram_add_json(loci_unigram *tokenizer, const uint8_t *json, size_t count);

/// Adds a token that is taken out of the raw text. With `takes_left` or `takes_right` white space beside it goes too.
bool loci_unigram_add_special(
    loci_unigram *tokenizer, const uint8_t *token, size_t count, int32_t id, bool single_word, bool takes_left,
    bool takes_right);

/// Call once after the last piece. False when `unknown_id` is no piece, or memory is short.
bool loci_unigram_finish(loci_unigram *tokenizer);

size_t loci_unigram_piece_count(const loci_unigram *tokenizer);

/// The id of a piece, or -1.
int32_t loci_unigram_id(const loci_unigram *tokenizer, const uint8_t *_Nullable piece, size_t count);

#define LOCI_UNIGRAM_NO_MEMORY SIZE_MAX

/// Writes the first `capacity` ids of the text to `ids` and returns how many there are in all, or
/// LOCI_UNIGRAM_NO_MEMORY. Adds no <s> or </s>. Ill-formed UTF-8 reads as U+FFFD. Allocates scratch of about 25 bytes
/// for each character of the longest word. O(count × longest piece).
size_t loci_unigram_encode(
    const loci_unigram *tokenizer, const uint8_t *_Nullable text, size_t count, int32_t *_Nullable ids,
    size_t capacity);

// ---- Reading a large JSON file ----

/// Finds member `name` of the JSON object that `json` holds. True with the value's place, from its first byte up to
/// one past its last. Nothing inside values is checked beyond strings and nesting.
bool loci_json_member(
    const uint8_t *_Nullable json, size_t count, const char *name, size_t *start, size_t *end);

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif

#endif
