// The distinct tokens of a query, and how many documents have each. Private to CLociFTS.
#ifndef LOCI_FTS_TERMS_H
#define LOCI_FTS_TERMS_H

#include "scope.h"

typedef struct {
  loci_fts_term terms[LOCI_FTS_QUERY_TERMS_MAX];
  uint32_t uses[LOCI_FTS_QUERY_TERMS_MAX];  // how often the query has each
  size_t count;
} loci_fts_term_set;

struct loci_fts_terms {
  loci_fts_term_set set;
  size_t prefix_bytes;  // of each term: its scope and separator
  int64_t df[LOCI_FTS_QUERY_TERMS_MAX];
};

#endif
