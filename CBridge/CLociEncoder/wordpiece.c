#include "loci_wordpiece.h"

#include <loci_unicode.h>
#include <stdlib.h>
#include <string.h>

#include "piece_trie.h"
#include "special_tokens.h"

// What an ASCII byte is to the normaliser and the pre-tokenizer together.
enum { ASCII_DROPPED, ASCII_SPACE, ASCII_ISOLATED, ASCII_WORD };

// A word of more marks than this is longer than any limit allows, so their order no longer matters.
enum { MARKS_MAX = LOCI_WORDPIECE_WORD_MAX + 1 };

struct loci_wordpiece {
  loci_wordpiece_options options;
  loci_trie pieces;
  loci_special_tokens specials;
  uint8_t ascii_class[128], ascii_lower[128];
};

/// One run over one text.
typedef struct {
  const loci_wordpiece *tokenizer;
  int32_t *ids;
  size_t capacity, count;
  uint32_t word_characters;  // may exceed the limit; `word` then holds only the first ones
  size_t word_bytes;
  size_t mark_count;
  uint32_t marks[MARKS_MAX];  // kept marks waiting for canonical order
  uint8_t mark_classes[MARKS_MAX];
  uint8_t word[4 * LOCI_WORDPIECE_WORD_MAX];
} run;

// ---- Words to pieces ----

static void emit(run *r, int32_t id) {
  if (r->count < r->capacity) r->ids[r->count] = id;
  r->count++;
}

static void end_word(run *r) {
  if (r->word_characters == 0) return;
  const loci_wordpiece *t = r->tokenizer;
  int32_t ids[LOCI_WORDPIECE_WORD_MAX];
  size_t pieces = 0, at = 0;
  bool known = r->word_characters <= t->options.word_characters_max;
  while (known && at < r->word_bytes) {
    const uint32_t root = at == 0 ? LOCI_TRIE_STARTS : LOCI_TRIE_CONTINUES;
    const size_t length = loci_trie_longest(&t->pieces, root, r->word + at, r->word_bytes - at, &ids[pieces]);
    known = length != 0;
    at += length;
    pieces++;
  }
  if (known) {
    for (size_t i = 0; i < pieces; i++) emit(r, ids[i]);
  } else {
    emit(r, t->options.unknown_id);
  }
  r->word_characters = 0;
  r->word_bytes = 0;
}

static void append(run *r, uint32_t code) {
  if (r->word_characters < r->tokenizer->options.word_characters_max) {
    r->word_bytes += loci_utf8_encode(code, r->word + r->word_bytes);
  }
  if (r->word_characters <= r->tokenizer->options.word_characters_max) r->word_characters++;
}

// ---- Normalised characters to words ----

static void split(run *r, uint32_t code) {
  const uint32_t flags = loci_unicode_flags(code);
  if (flags & LOCI_UNICODE_WHITE_SPACE) {
    end_word(r);
  } else if (flags & LOCI_UNICODE_BERT_ISOLATED) {
    end_word(r);
    append(r, code);
    end_word(r);
  } else {
    append(r, code);
  }
}

static void lower_and_split(run *r, uint32_t code) {
  uint32_t lower[LOCI_UNICODE_LOWER_MAX] = {code};
  const size_t count = r->tokenizer->options.lower_case ? loci_unicode_lower(code, lower) : 1;
  for (size_t i = 0; i < count; i++) split(r, lower[i]);
}

static void flush_marks(run *r) {
  for (size_t i = 0; i < r->mark_count; i++) lower_and_split(r, r->marks[i]);
  r->mark_count = 0;
}

/// Inserts a mark after those of the same or a lower class: canonical order, stable.
static void add_mark(run *r, uint32_t code, uint8_t combining_class) {
  if (r->mark_count == MARKS_MAX) flush_marks(r);
  size_t at = r->mark_count++;
  while (at > 0 && r->mark_classes[at - 1] > combining_class) {
    r->marks[at] = r->marks[at - 1];
    r->mark_classes[at] = r->mark_classes[at - 1];
    at--;
  }
  r->marks[at] = code;
  r->mark_classes[at] = combining_class;
}

static void strip_accents(run *r, uint32_t code, uint32_t flags) {
  uint32_t parts[LOCI_UNICODE_DECOMPOSED_MAX] = {code};
  const size_t count = flags & LOCI_UNICODE_BERT_ATOMIC ? 1 : loci_unicode_decompose(code, parts);
  for (size_t i = 0; i < count; i++) {
    if (loci_unicode_flags(parts[i]) & LOCI_UNICODE_BERT_STRIPPED) continue;
    const uint8_t combining_class = loci_unicode_combining_class(parts[i]);
    if (combining_class != 0) {
      add_mark(r, parts[i], combining_class);
    } else {
      flush_marks(r);
      lower_and_split(r, parts[i]);
    }
  }
}

static void boundary(run *r) {
  flush_marks(r);
  end_word(r);
}

static void normalise(run *r, uint32_t code) {
  const loci_wordpiece_options *options = &r->tokenizer->options;
  const uint32_t flags = loci_unicode_flags(code);
  if (options->clean_text && (flags & LOCI_UNICODE_BERT_DROPPED)) return;
  const bool spaced = options->space_ideographs && (flags & LOCI_UNICODE_BERT_SPACED);
  if (spaced || (flags & LOCI_UNICODE_WHITE_SPACE)) boundary(r);
  if (flags & LOCI_UNICODE_WHITE_SPACE) return;
  if (options->strip_accents) {
    strip_accents(r, code, flags);
  } else {
    lower_and_split(r, code);
  }
  if (spaced) boundary(r);
}

static void normalise_ascii(run *r, uint8_t byte) {
  const uint8_t class = r->tokenizer->ascii_class[byte];
  if (class == ASCII_DROPPED) return;
  if (r->mark_count != 0) flush_marks(r);
  if (class != ASCII_WORD) end_word(r);
  if (class != ASCII_SPACE) append(r, r->tokenizer->ascii_lower[byte]);
  if (class == ASCII_ISOLATED) end_word(r);
}

// ---- The whole text ----

size_t loci_wordpiece_encode(
    const loci_wordpiece *tokenizer, const uint8_t *text, size_t count, int32_t *ids, size_t capacity) {
  run r;
  r.tokenizer = tokenizer;
  r.ids = ids;
  r.capacity = capacity;
  r.count = 0;
  r.word_characters = 0;
  r.word_bytes = 0;
  r.mark_count = 0;
  for (size_t at = 0; at < count;) {
    const loci_special_token *special = loci_special_tokens_at(&tokenizer->specials, text, count, at);
    if (special != NULL) {
      boundary(&r);
      emit(&r, special->id);
      at += special->count;
      continue;
    }
    if (text[at] < 0x80) {
      normalise_ascii(&r, text[at++]);
    } else {
      uint32_t code;
      at += loci_utf8_decode(text + at, count - at, &code);
      normalise(&r, code);
    }
  }
  boundary(&r);
  return r.count;
}

// ---- Building ----

static void fill_ascii(loci_wordpiece *t) {
  for (uint32_t byte = 0; byte < 128; byte++) {
    const uint32_t flags = loci_unicode_flags(byte);
    uint32_t lower[LOCI_UNICODE_LOWER_MAX];
    loci_unicode_lower(byte, lower);
    t->ascii_lower[byte] = (uint8_t)(t->options.lower_case ? lower[0] : byte);
    t->ascii_class[byte] = ASCII_WORD;
    if (flags & LOCI_UNICODE_BERT_ISOLATED) t->ascii_class[byte] = ASCII_ISOLATED;
    if (flags & LOCI_UNICODE_WHITE_SPACE) t->ascii_class[byte] = ASCII_SPACE;
    if (t->options.clean_text && (flags & LOCI_UNICODE_BERT_DROPPED)) t->ascii_class[byte] = ASCII_DROPPED;
  }
}

loci_wordpiece *loci_wordpiece_create(const loci_wordpiece_options *options, size_t piece_bytes) {
  if (options->word_characters_max == 0 || options->word_characters_max > LOCI_WORDPIECE_WORD_MAX ||
      piece_bytes > LOCI_WORDPIECE_BYTES_MAX - 2) {
    return NULL;
  }
  loci_wordpiece *tokenizer = calloc(1, sizeof *tokenizer);
  if (tokenizer == NULL) return NULL;
  tokenizer->options = *options;
  if (!loci_trie_init(&tokenizer->pieces, piece_bytes)) {
    free(tokenizer);
    return NULL;
  }
  fill_ascii(tokenizer);
  return tokenizer;
}

void loci_wordpiece_destroy(loci_wordpiece *tokenizer) {
  if (tokenizer == NULL) return;
  loci_special_tokens_free(&tokenizer->specials);
  loci_trie_free(&tokenizer->pieces);
  free(tokenizer);
}

bool loci_wordpiece_add_piece(
    loci_wordpiece *tokenizer, const uint8_t *piece, size_t count, bool continues_word, int32_t id) {
  if (count == 0 || id < 0) return false;
  const uint32_t root = continues_word ? LOCI_TRIE_CONTINUES : LOCI_TRIE_STARTS;
  return loci_trie_insert(&tokenizer->pieces, root, piece, count, id);
}

bool loci_wordpiece_add_special(
    loci_wordpiece *tokenizer, const uint8_t *token, size_t count, bool single_word, int32_t id) {
  // The token's bytes are copied, not written to.
  const loci_special_token special = {.bytes = (uint8_t *)token, .count = count, .id = id, .single_word = single_word};
  return loci_special_tokens_add(&tokenizer->specials, &special);
}
