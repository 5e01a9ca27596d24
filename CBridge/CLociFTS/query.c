// What a person typed, as an FTS5 expression: "token" OR "token" ...
#include <string.h>

#include "scope.h"

typedef struct {
  loci_fts_term terms[LOCI_FTS_QUERY_TERMS_MAX];
  size_t count;
} term_set;

typedef struct {
  const char *scope;
  size_t scope_bytes;
  term_set content;
  term_set stop_words;
} collector;

static void insert(term_set *set, const loci_fts_term *term) {
  if (set->count == LOCI_FTS_QUERY_TERMS_MAX) return;
  for (size_t i = 0; i < set->count; i++) {
    const loci_fts_term *other = &set->terms[i];
    if (other->count == term->count && memcmp(other->bytes, term->bytes, term->count) == 0) return;
  }
  set->terms[set->count++] = *term;
}

static int collect(void *context, const loci_fts_token *token) {
  collector *c = context;
  loci_fts_term term;
  loci_fts_make_term(token, c->scope, c->scope_bytes, &term);
  insert(loci_fts_is_stop_word(token) ? &c->stop_words : &c->content, &term);
  return c->content.count == LOCI_FTS_QUERY_TERMS_MAX;
}

size_t loci_fts_query(const char *text, size_t n, const char *scope, char *out, size_t capacity) {
  if (capacity > 0) out[0] = '\0';
  collector c;
  c.scope = scope;
  c.scope_bytes = scope != NULL ? strlen(scope) : 0;
  c.content.count = c.stop_words.count = 0;
  if (scope != NULL && !loci_fts_scope_is_valid(scope, c.scope_bytes)) return 0;
  loci_fts_split(text, n, &c, collect);
  const term_set *set = c.content.count > 0 ? &c.content : &c.stop_words;
  size_t length = 0;
  for (size_t i = 0; i < set->count; i++) {
    const loci_fts_term *term = &set->terms[i];
    // Terms hold no quote: letters, digits, joiners and the characters of a scope key.
    size_t needed = term->count + 3 + (i > 0 ? 4 : 0);
    if (length + needed + 1 > capacity) {
      if (capacity > 0) out[0] = '\0';
      return 0;
    }
    if (i > 0) {
      memcpy(out + length, " OR ", 4);
      length += 4;
    }
    out[length++] = '"';
    out[length++] = LOCI_FTS_VERBATIM;
    memcpy(out + length, term->bytes, term->count);
    length += term->count;
    out[length++] = '"';
    out[length] = '\0';
  }
  return length;
}
