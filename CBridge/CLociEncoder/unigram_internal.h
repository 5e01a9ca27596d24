// What the files of the Unigram tokenizer share.

#ifndef LOCI_UNIGRAM_INTERNAL_H
#define LOCI_UNIGRAM_INTERNAL_H

#include <stdatomic.h>

#include "charsmap.h"
#include "code_trie.h"
#include "loci_unigram.h"
#include "special_tokens.h"

typedef struct {
  loci_unigram_step kind;
  uint32_t *from, *to;
  size_t from_count, to_count;
} loci_unigram_rule;

struct loci_unigram {
  loci_unigram_options options;
  loci_charsmap charsmap;
  bool has_charsmap;
  loci_unigram_rule rules[LOCI_UNIGRAM_STEPS_MAX];
  size_t rule_count;
  loci_code_trie trie;
  double *scores;  // by id
  size_t piece_count, piece_capacity;
  double unknown_score;
  // Of each piece that was met as a word: whether the best path is that piece alone. Learnt as words come; every
  // thread learns the same, so a plain relaxed byte is enough.
  _Atomic uint8_t *wholes;
  int32_t byte_ids[256];  // of <0x00> to <0xFF>; -1 where there is none
  loci_special_tokens specials;
};

enum { LOCI_WHOLE_UNKNOWN = 0, LOCI_WHOLE_YES = 1, LOCI_WHOLE_NO = 2 };

/// A growing sequence of code points. The first one is room for a metaspace.
typedef struct {
  uint32_t *codes;
  size_t count, capacity;
} loci_code_buffer;

/// Room for `count` code points in all. False when memory is short.
bool loci_code_buffer_reserve(loci_code_buffer *buffer, size_t count);

/// Appends the normalised form of `text` to `buffer`. False when memory is short.
bool loci_unigram_normalise(
    const loci_unigram *tokenizer, const uint8_t *text, size_t count, loci_code_buffer *buffer);

#endif
