// What a person typed, as terms and as an FTS5 expression: "token" OR "token" ...
#include <stdlib.h>
#include <string.h>

#include "terms.h"

typedef struct {
  const char *scope;
  size_t scope_bytes;
  loci_fts_term_set content;
  loci_fts_term_set stop_words;
} collector;

static void insert(loci_fts_term_set *set, const loci_fts_term *term) {
  for (size_t i = 0; i < set->count; i++) {
    const loci_fts_term *other = &set->terms[i];
    if (other->count != term->count || memcmp(other->bytes, term->bytes, term->count) != 0) continue;
    set->uses[i]++;
    return;
  }
  if (set->count == LOCI_FTS_QUERY_TERMS_MAX) return;
  set->uses[set->count] = 1;
  set->terms[set->count++] = *term;
}

static int collect(void *context, const loci_fts_token *token) {
  collector *c = context;
  loci_fts_term term;
  loci_fts_make_term(token, c->scope, c->scope_bytes, &term);
  insert(loci_fts_is_stop_word(token) ? &c->stop_words : &c->content, &term);
  return 0;
}

/// The tokens to look for; none when `scope` is not a scope key.
static const loci_fts_term_set *parse(collector *c, const char *text, size_t n, const char *scope) {
  c->scope = scope;
  c->scope_bytes = scope != NULL ? strlen(scope) : 0;
  c->content.count = c->stop_words.count = 0;
  if (scope == NULL || loci_fts_scope_is_valid(scope, c->scope_bytes)) loci_fts_split(text, n, c, collect);
  return c->content.count > 0 ? &c->content : &c->stop_words;
}

static size_t write_expression(const loci_fts_term_set *set, char *out, size_t capacity) {
  if (capacity > 0) out[0] = '\0';
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

size_t loci_fts_query(const char *text, size_t n, const char *scope, char *out, size_t capacity) {
  collector c;
  return write_expression(parse(&c, text, n, scope), out, capacity);
}

loci_fts_terms *loci_fts_terms_create(const char *text, size_t n, const char *scope) {
  collector c;
  const loci_fts_term_set *set = parse(&c, text, n, scope);
  loci_fts_terms *terms = set->count > 0 ? calloc(1, sizeof *terms) : NULL;
  if (terms == NULL) return NULL;
  terms->prefix_bytes = c.scope_bytes > 0 ? c.scope_bytes + 1 : 0;
  terms->set.count = set->count;
  memcpy(terms->set.terms, set->terms, set->count * sizeof *set->terms);
  memcpy(terms->set.uses, set->uses, set->count * sizeof *set->uses);
  return terms;
}

void loci_fts_terms_destroy(loci_fts_terms *terms) { free(terms); }

size_t loci_fts_terms_count(const loci_fts_terms *terms) { return terms->set.count; }

size_t loci_fts_terms_expression(const loci_fts_terms *terms, char *out, size_t capacity) {
  return write_expression(&terms->set, out, capacity);
}

typedef struct {
  const loci_fts_terms *terms;
  uint32_t *occurrences;
  size_t size;
  bool any;
} counter;

static int count_token(void *context, const loci_fts_token *token) {
  counter *c = context;
  c->size += token->kind == LOCI_FTS_WORD || token->kind == LOCI_FTS_CHARACTER;
  loci_fts_term term;
  loci_fts_make_term(token, NULL, 0, &term);
  size_t prefix = c->terms->prefix_bytes;
  for (size_t i = 0; i < c->terms->set.count; i++) {
    const loci_fts_term *other = &c->terms->set.terms[i];
    if (other->count - prefix != term.count) continue;
    if (memcmp(other->bytes + prefix, term.bytes, term.count) != 0) continue;
    c->occurrences[i]++;
    c->any = true;
    break;
  }
  return 0;
}

bool loci_fts_terms_occurrences(const loci_fts_terms *terms, const char *text, size_t n,
                                uint32_t *occurrences, size_t *size) {
  memset(occurrences, 0, terms->set.count * sizeof *occurrences);
  counter c = {.terms = terms, .occurrences = occurrences};
  loci_fts_split(text, n, &c, count_token);
  *size = c.size;
  return c.any;
}

bool loci_fts_terms_observe(loci_fts_terms *terms, const char *text, size_t n, uint32_t *occurrences,
                            size_t *size) {
  bool any = loci_fts_terms_occurrences(terms, text, n, occurrences, size);
  for (size_t i = 0; i < terms->set.count; i++) terms->df[i] += occurrences[i] > 0;
  return any;
}

void loci_fts_terms_frequencies(const loci_fts_terms *terms, int64_t *df, uint32_t *uses) {
  memcpy(df, terms->df, terms->set.count * sizeof *df);
  memcpy(uses, terms->set.uses, terms->set.count * sizeof *uses);
}
