// Okapi BM25 as an FTS5 auxiliary function. Private to CLociFTS; described in loci_fts.h.
#ifndef LOCI_FTS_BM25_H
#define LOCI_FTS_BM25_H

#include <sqlite3.h>

void loci_fts_bm25(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *context, int count,
                   sqlite3_value **arguments);

#endif
