// Scope headers and final tokens. Private to CLociFTS.
#ifndef LOCI_FTS_SCOPE_H
#define LOCI_FTS_SCOPE_H

#include "loci_fts.h"

// First byte of a query's string: what follows is a final token, to be taken as it is.
#define LOCI_FTS_VERBATIM '\x03'
#define LOCI_FTS_TERM_BYTES_MAX (LOCI_FTS_SCOPE_BYTES_MAX + 1 + LOCI_FTS_TOKEN_BYTES_MAX)

typedef struct {
  char bytes[LOCI_FTS_TERM_BYTES_MAX];
  size_t count;
} loci_fts_term;

// The scope key at the head of a text, and the length of the whole header; 0 when there is none.
size_t loci_fts_header(const char *text, size_t n, const char **scope, size_t *scope_bytes);

// The term that the index holds for a token: stemmed, with the scope before it. `scope_bytes` 0 is no scope.
void loci_fts_make_term(const loci_fts_token *token, const char *scope, size_t scope_bytes,
                        loci_fts_term *term);

#endif
