#include <loci_unicode.h>
#include <stdlib.h>
#include <string.h>

#include "unigram_internal.h"

/// The best path that ends at one place of a word.
typedef struct {
  double score;
  uint32_t start;  // where its last piece starts
  uint32_t end;    // on the way back: where the piece that starts here ends
  int32_t id;      // of its last piece; NOT_REACHED when there is no path
} path;

enum { NOT_REACHED = -1, NODES_MIN = 64 };

/// One run over one text.
typedef struct {
  const loci_unigram *tokenizer;
  int32_t *ids;
  size_t capacity, count;
  loci_code_buffer buffer;
  path *paths;
  size_t path_capacity;
} run;

static void emit(run *r, int32_t id) {
  if (r->count < r->capacity) r->ids[r->count] = id;
  r->count++;
}

static int32_t find(const loci_code_trie *trie, const uint32_t *codes, size_t count) {
  uint32_t node = 0;
  int32_t id = -1;
  for (size_t i = 0; i < count; i++) {
    const loci_code_edge *edge = loci_code_trie_edge(trie, node, codes[i]);
    if (edge->child == 0) return -1;
    node = edge->child;
    id = edge->id;
  }
  return id;
}

/// Unknown characters that follow each other are one token, or the bytes they are made of.
static void emit_unknown(run *r, const uint32_t *codes, size_t count) {
  const loci_unigram *t = r->tokenizer;
  const int32_t id = find(&t->trie, codes, count);
  bool known = t->options.byte_fallback && id < 0;
  uint8_t bytes[4];
  for (size_t i = 0; i < count && known; i++) {
    const size_t length = loci_utf8_encode(codes[i], bytes);
    for (size_t b = 0; b < length; b++) known = known && t->byte_ids[bytes[b]] >= 0;
  }
  if (!known) return emit(r, id >= 0 ? id : t->options.unknown_id);
  for (size_t i = 0; i < count; i++) {
    const size_t length = loci_utf8_encode(codes[i], bytes);
    for (size_t b = 0; b < length; b++) emit(r, t->byte_ids[bytes[b]]);
  }
}

static void reach(path *to, double score, size_t start, int32_t id) {
  if (to->id != NOT_REACHED && score <= to->score) return;
  to->score = score;
  to->start = (uint32_t)start;
  to->id = id;
}

/// Viterbi over the word's characters, forwards; then the path back, and its pieces in order. True when the whole word
/// is one piece.
static bool search_paths(run *r, const uint32_t *codes, size_t count) {
  const loci_unigram *t = r->tokenizer;
  path *paths = r->paths;
  for (size_t i = 0; i <= count; i++) paths[i].id = NOT_REACHED;
  paths[0].score = 0;
  const int32_t unknown = t->options.unknown_id;
  for (size_t start = 0; start < count; start++) {
    const double score = paths[start].score;
    bool is_known = false;
    uint32_t node = 0;
    for (size_t at = start; at < count; at++) {
      const loci_code_edge *edge = loci_code_trie_edge(&t->trie, node, codes[at]);
      if (edge->child == 0) break;
      node = edge->child;
      if (edge->id < 0) continue;
      reach(&paths[at + 1], t->scores[edge->id] + score, start, edge->id);
      if (at == start) is_known = true;
    }
    if (!is_known) reach(&paths[start + 1], t->unknown_score + score, start, unknown);
  }
  for (size_t end = count; end > 0; end = paths[end].start) paths[paths[end].start].end = (uint32_t)end;
  for (size_t start = 0; start < count;) {
    size_t end = paths[start].end;
    if (paths[end].id != unknown) {
      emit(r, paths[end].id);
    } else {
      while (end < count && paths[paths[end].end].id == unknown) end = paths[end].end;
      emit_unknown(r, codes + start, end - start);
    }
    start = end;
  }
  return paths[count].start == 0;
}

static bool encode_word(run *r, const uint32_t *codes, size_t count) {
  const loci_unigram *t = r->tokenizer;
  // Most words are pieces, and most pieces are their own best path: then there is nothing to search.
  const int32_t id = find(&t->trie, codes, count);
  const bool may_be_whole = id >= 0 && id != t->options.unknown_id;
  if (may_be_whole && atomic_load_explicit(&t->wholes[id], memory_order_relaxed) == LOCI_WHOLE_YES) {
    emit(r, id);
    return true;
  }
  if (count + 1 > r->path_capacity) {
    const size_t capacity = count + 1 < NODES_MIN ? NODES_MIN : 2 * (count + 1);
    path *grown = realloc(r->paths, capacity * sizeof *grown);
    if (grown == NULL) return false;
    r->paths = grown;
    r->path_capacity = capacity;
  }
  const bool is_whole = search_paths(r, codes, count);
  if (may_be_whole) {
    atomic_store_explicit(&t->wholes[id], is_whole ? LOCI_WHOLE_YES : LOCI_WHOLE_NO, memory_order_relaxed);
  }
  return true;
}

/// Spaces become metaspaces, and each metaspace starts a word. `codes[-1]` may be written.
static bool encode_part(run *r, uint32_t *codes, size_t count, bool is_first) {
  const loci_unigram_options *options = &r->tokenizer->options;
  if (count == 0) return true;
  for (size_t i = 0; i < count; i++) {
    if (codes[i] == ' ') codes[i] = options->metaspace;
  }
  const bool prepends = options->prepend == LOCI_UNIGRAM_PREPEND_ALWAYS ||
                        (options->prepend == LOCI_UNIGRAM_PREPEND_FIRST && is_first);
  if (prepends && codes[0] != options->metaspace) {
    *--codes = options->metaspace;
    count++;
  }
  if (!options->splits_metaspaces) return encode_word(r, codes, count);
  for (size_t start = 0; start < count;) {
    size_t end = start + 1;
    while (end < count && codes[end] != options->metaspace) end++;
    if (!encode_word(r, codes + start, end - start)) return false;
    start = end;
  }
  return true;
}

static bool is_space(uint32_t code) { return (loci_unicode_flags(code) & LOCI_UNICODE_WHITE_SPACE) != 0; }

/// Text between special tokens.
static bool encode_segment(run *r, const uint8_t *text, size_t count, bool is_first) {
  if (count == 0) return true;
  if (!loci_code_buffer_reserve(&r->buffer, 1)) return false;
  r->buffer.count = 1;
  if (!loci_unigram_normalise(r->tokenizer, text, count, &r->buffer)) return false;
  uint32_t *codes = r->buffer.codes;
  if (!r->tokenizer->options.splits_white_space) {
    return encode_part(r, codes + 1, r->buffer.count - 1, is_first);
  }
  for (size_t at = 1; at < r->buffer.count;) {
    size_t end = at;
    while (end < r->buffer.count && !is_space(codes[end])) end++;
    if (!encode_part(r, codes + at, end - at, is_first)) return false;
    at = end + 1;
  }
  return true;
}

size_t loci_unigram_encode(
    const loci_unigram *tokenizer, const uint8_t *text, size_t count, int32_t *ids, size_t capacity) {
  run r = {.tokenizer = tokenizer, .ids = ids, .capacity = capacity};
  bool fits = true;
  size_t start = 0;
  for (size_t at = 0; at < count && fits;) {
    const loci_special_token *special = loci_special_tokens_at(&tokenizer->specials, text, count, at);
    if (special == NULL) {
      at++;
      continue;
    }
    const size_t end = special->takes_left ? loci_space_before(text, start, at) : at;
    fits = encode_segment(&r, text + start, end - start, start == 0);
    emit(&r, special->id);
    at += special->count;
    if (special->takes_right) at = loci_space_after(text, at, count);
    start = at;
  }
  fits = fits && encode_segment(&r, text + start, count - start, start == 0);
  free(r.buffer.codes);
  free(r.paths);
  return fits ? r.count : LOCI_UNIGRAM_NO_MEMORY;
}

int32_t loci_unigram_id(const loci_unigram *tokenizer, const uint8_t *piece, size_t count) {
  uint32_t node = 0;
  int32_t id = -1;
  for (size_t at = 0; at < count;) {
    uint32_t code;
    at += loci_utf8_decode(piece + at, count - at, &code);
    const loci_code_edge *edge = loci_code_trie_edge(&tokenizer->trie, node, code);
    if (edge->child == 0) return -1;
    node = edge->child;
    id = edge->id;
  }
  return id;
}
