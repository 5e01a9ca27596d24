// S. Robertson, H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; the +1 inside
// the logarithm keeps a word that most documents have from counting against those that have it.
#include "bm25.h"

#include <math.h>
#include <stddef.h>

static const double k1 = 1.2, b = 0.75;

// Kept for the length of one query: counting df reads a token's whole posting list.
typedef struct {
  int count;
  double idf[];
} weights;

static int count_row(const Fts5ExtensionApi *api, Fts5Context *fts, void *context) {
  (void)api, (void)fts;
  ++*(sqlite3_int64 *)context;
  return SQLITE_OK;
}

static int make_weights(const Fts5ExtensionApi *api, Fts5Context *fts, double documents, weights **out) {
  *out = NULL;
  int count = api->xPhraseCount(fts);
  weights *w = sqlite3_malloc64(sizeof *w + (sqlite3_uint64)count * sizeof w->idf[0]);
  if (w == NULL) return SQLITE_NOMEM;
  w->count = count;
  for (int phrase = 0; phrase < count; phrase++) {
    sqlite3_int64 rows = 0;
    int status = api->xQueryPhrase(fts, phrase, &rows, count_row);
    if (status != SQLITE_OK) {
      sqlite3_free(w);
      return status;
    }
    double df = (double)rows, n = documents > df ? documents : df;
    w->idf[phrase] = log(1 + (n - df + 0.5) / (df + 0.5));
  }
  // On failure xSetAuxdata has freed it.
  int status = api->xSetAuxdata(fts, w, sqlite3_free);
  if (status == SQLITE_OK) *out = w;
  return status;
}

static int occurrences(const Fts5ExtensionApi *api, Fts5Context *fts, int phrase, double *count) {
  Fts5PhraseIter position;
  int column, offset;
  *count = 0;
  int status = api->xPhraseFirst(fts, phrase, &position, &column, &offset);
  for (; status == SQLITE_OK && column >= 0; api->xPhraseNext(fts, &position, &column, &offset)) *count += 1;
  return status;
}

static int score(const Fts5ExtensionApi *api, Fts5Context *fts, double documents, double length,
                 double *sum) {
  weights *w = api->xGetAuxdata(fts, 0);
  if (w == NULL) {
    int status = make_weights(api, fts, documents, &w);
    if (status != SQLITE_OK) return status;
  }
  int size;
  int status = api->xColumnSize(fts, -1, &size);
  double norm = length > 0 ? 1 - b + b * size / length : 1;
  *sum = 0;
  for (int phrase = 0; phrase < w->count && status == SQLITE_OK; phrase++) {
    double tf;
    status = occurrences(api, fts, phrase, &tf);
    *sum += w->idf[phrase] * tf * (k1 + 1) / (tf + k1 * norm);
  }
  return status;
}

void loci_fts_bm25(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *context, int count,
                   sqlite3_value **arguments) {
  if (count != 2) {
    sqlite3_result_error(context, "loci_bm25 takes the number of documents and their mean length", -1);
    return;
  }
  double sum;
  int status = score(api, fts, sqlite3_value_double(arguments[0]), sqlite3_value_double(arguments[1]), &sum);
  if (status == SQLITE_OK) {
    sqlite3_result_double(context, sum);
  } else {
    sqlite3_result_error_code(context, status);
  }
}
