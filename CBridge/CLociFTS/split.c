// Text to tokens: one pass, no allocation, every buffer bounded.
#include <string.h>

#include "characters.h"
#include "loci_fts.h"

typedef struct {
  char bytes[LOCI_FTS_TOKEN_BYTES_MAX];
  size_t count;
  size_t start, end;  // in the text
  bool is_cut;        // more characters than fit
} buffer;

typedef struct {
  void *context;
  int (*emit)(void *context, const loci_fts_token *token);
  buffer word;
  buffer compound;
  size_t compound_words;
  buffer previous;  // the last unspaced character, if its run goes on
} splitter;

static bool is_joiner(char c) {
  switch (c) {
    case '.': case '_': case '-': case '@': case '/': case '\\': case ':': case '+': case '#': case '&':
      return true;
    default:
      return false;
  }
}

static bool is_ascii_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Adds a run of ASCII letters and digits, folded: what `append` does with each of them.
static void append_ascii(buffer *b, const char *run, size_t n, size_t start) {
  if (b->count == 0) b->start = start;
  b->end = start + n;
  if (b->is_cut) return;
  size_t room = sizeof b->bytes - b->count;
  b->is_cut = n > room;
  if (b->is_cut) n = room;
  for (size_t i = 0; i < n; i++) {
    char c = run[i];
    b->bytes[b->count + i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
  }
  b->count += n;
}

static void append(buffer *b, const char *bytes, size_t n, size_t start, size_t end) {
  if (b->count == 0) b->start = start;
  b->end = end;
  b->is_cut = b->is_cut || b->count + n > sizeof b->bytes;
  if (b->is_cut) return;
  memcpy(b->bytes + b->count, bytes, n);
  b->count += n;
}

static int flush(splitter *s, buffer *b, loci_fts_kind kind) {
  loci_fts_token token = {b->bytes, b->count, b->start, b->end, kind};
  int stop = b->count > 0 ? s->emit(s->context, &token) : 0;
  b->count = 0;
  b->is_cut = false;
  return stop;
}

static int end_word(splitter *s) {
  if (s->word.count == 0) return 0;
  s->compound_words++;
  return flush(s, &s->word, LOCI_FTS_WORD);
}

static int end_compound(splitter *s) {
  int stop = end_word(s);
  bool is_whole = s->compound_words > 1 && !s->compound.is_cut;
  if (!is_whole) s->compound.count = 0;
  s->compound.is_cut = false;
  s->compound_words = 0;
  return stop != 0 ? stop : flush(s, &s->compound, LOCI_FTS_COMPOUND);
}

static int unspaced(splitter *s, const loci_character *c, size_t start, size_t end) {
  if (s->previous.count > 0) {
    append(&s->previous, c->bytes, c->count, s->previous.start, end);
    int stop = flush(s, &s->previous, LOCI_FTS_PAIR);
    if (stop != 0) return stop;
  }
  append(&s->previous, c->bytes, c->count, start, end);
  loci_fts_token token = {c->bytes, c->count, start, end, LOCI_FTS_CHARACTER};
  return s->emit(s->context, &token);
}

int loci_fts_split(const char *text, size_t n, void *context,
                   int (*emit)(void *context, const loci_fts_token *token)) {
  splitter s = {.context = context, .emit = emit};
  for (size_t i = 0, next; i < n; i = next) {
    // Most of most texts: a shorter way to the same.
    for (next = i; next < n && is_ascii_letter(text[next]);) next++;
    if (next > i) {
      s.previous.count = 0;
      append_ascii(&s.word, text + i, next - i, i);
      append_ascii(&s.compound, text + i, next - i, i);
      continue;
    }
    loci_character c = loci_fts_character(text + i, n - i);
    next = i + c.source_bytes;
    int stop = 0;
    switch (c.class) {
      case LOCI_IGNORED:
        break;
      case LOCI_LETTER:
        s.previous.count = 0;
        append(&s.word, c.bytes, c.count, i, next);
        append(&s.compound, c.bytes, c.count, i, next);
        break;
      case LOCI_UNSPACED:
        stop = end_compound(&s);
        if (stop == 0) stop = unspaced(&s, &c, i, next);
        break;
      case LOCI_SEPARATOR:
        s.previous.count = 0;
        // A joiner stands between two letters.
        if (is_joiner(text[i]) && s.word.count > 0 && next < n &&
            loci_fts_character(text + next, n - next).class == LOCI_LETTER) {
          stop = end_word(&s);
          append(&s.compound, text + i, 1, i, next);
        } else {
          stop = end_compound(&s);
        }
        break;
    }
    if (stop != 0) return stop;
  }
  return end_compound(&s);
}
