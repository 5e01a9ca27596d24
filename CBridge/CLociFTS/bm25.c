// S. Robertson, H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; the +1 inside
// the logarithm keeps a word that most documents have from counting against those that have it.
#include "bm25.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "terms.h"

static const double k1 = 1.2, b = 0.75;
#define LIMIT_MAX 4096

static double idf(double documents, double df) {
  double n = documents > df ? documents : df;
  return log(1 + (n - df + 0.5) / (df + 0.5));
}

/// How long a document is beside the others.
static double norm(double size, double length) { return length > 0 ? 1 - b + b * size / length : 1; }

static double part(double idf, double tf, double norm) { return idf * tf * (k1 + 1) / (tf + k1 * norm); }

typedef struct {
  double idf, tf;
} phrase;

// Kept for the length of one query: counting df reads a token's whole posting list.
typedef struct {
  int phrase_count;
  int limit;  // 0 when every row is wanted
  int best_count;
  double *best;  // the scores of the `limit` best rows so far, a heap with the least on top
  phrase phrases[];
} query_state;

static int count_row(const Fts5ExtensionApi *api, Fts5Context *fts, void *context) {
  (void)api, (void)fts;
  ++*(sqlite3_int64 *)context;
  return SQLITE_OK;
}

static query_state *allocate(int phrase_count, int limit) {
  size_t head = sizeof(query_state) + (size_t)phrase_count * sizeof(phrase);
  query_state *state = sqlite3_malloc64(head + (size_t)limit * sizeof(double));
  if (state == NULL) return NULL;
  state->phrase_count = phrase_count;
  state->limit = limit;
  state->best_count = 0;
  state->best = (double *)(void *)((char *)state + head);
  return state;
}

static int begin(const Fts5ExtensionApi *api, Fts5Context *fts, double documents, int limit,
                 loci_fts_terms *terms, query_state **out) {
  query_state *state = allocate(api->xPhraseCount(fts), limit);
  if (state == NULL) return SQLITE_NOMEM;
  for (int i = 0; i < state->phrase_count; i++) {
    sqlite3_int64 rows = 0;
    int status = api->xQueryPhrase(fts, i, &rows, count_row);
    if (status != SQLITE_OK) {
      sqlite3_free(state);
      return status;
    }
    double uses = 1;
    if (terms != NULL && (size_t)i < terms->set.count) {
      rows = terms->df[i] += rows;
      uses = terms->set.uses[i];
    }
    state->phrases[i].idf = uses * idf(documents, (double)rows);
  }
  *out = state;
  return api->xSetAuxdata(fts, state, sqlite3_free);  // frees the state when it fails
}

static int count_occurrences(const Fts5ExtensionApi *api, Fts5Context *fts, query_state *state) {
  int status = SQLITE_OK;
  for (int i = 0; i < state->phrase_count && status == SQLITE_OK; i++) {
    Fts5PhraseIter position;
    int column, offset;
    double tf = 0;
    status = api->xPhraseFirst(fts, i, &position, &column, &offset);
    for (; status == SQLITE_OK && column >= 0; api->xPhraseNext(fts, &position, &column, &offset)) tf += 1;
    state->phrases[i].tf = tf;
  }
  return status;
}

static double sum(const query_state *state, double relative_size) {
  double total = 0;
  for (int i = 0; i < state->phrase_count; i++) {
    total += part(state->phrases[i].idf, state->phrases[i].tf, relative_size);
  }
  return total;
}

static void remember(query_state *state, double score) {
  double *best = state->best;
  int i;
  if (state->best_count < state->limit) {
    for (i = state->best_count++; i > 0 && best[(i - 1) / 2] > score; i = (i - 1) / 2) {
      best[i] = best[(i - 1) / 2];
    }
    best[i] = score;
  } else if (state->limit > 0 && score > best[0]) {
    for (i = 0;;) {
      int child = 2 * i + 1;
      if (child + 1 < state->best_count && best[child + 1] < best[child]) child++;
      if (child >= state->best_count || best[child] >= score) break;
      best[i] = best[child];
      i = child;
    }
    best[i] = score;
  }
}

static int score(const Fts5ExtensionApi *api, Fts5Context *fts, query_state *state, double length,
                 double *out) {
  *out = 0;
  int status = count_occurrences(api, fts, state);
  if (status != SQLITE_OK) return status;
  // Most of a row's time is the look-up of its size, in a table of its own: not for one that even as the
  // shortest of texts would stay below the best.
  bool is_full = state->limit > 0 && state->best_count == state->limit;
  if (is_full && sum(state, norm(0, length)) < state->best[0]) return SQLITE_OK;
  int size;
  status = api->xColumnSize(fts, -1, &size);
  if (status != SQLITE_OK) return status;
  *out = sum(state, norm(size, length));
  remember(state, *out);
  return SQLITE_OK;
}

void loci_fts_bm25(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *context, int count,
                   sqlite3_value **arguments) {
  if (count < 2 || count > 4) {
    sqlite3_result_error(
        context, "loci_bm25 takes documents, mean length and, optionally, a limit and the terms", -1);
    return;
  }
  query_state *state = api->xGetAuxdata(fts, 0);
  int status = SQLITE_OK;
  if (state == NULL) {
    sqlite3_int64 limit = count >= 3 ? sqlite3_value_int64(arguments[2]) : 0;
    if (limit < 0 || limit > LIMIT_MAX) limit = 0;
    loci_fts_terms *terms = count == 4 ? sqlite3_value_pointer(arguments[3], LOCI_FTS_TERMS_POINTER) : NULL;
    status = begin(api, fts, sqlite3_value_double(arguments[0]), (int)limit, terms, &state);
  }
  double result = 0;
  if (status == SQLITE_OK) status = score(api, fts, state, sqlite3_value_double(arguments[1]), &result);
  if (status == SQLITE_OK) {
    sqlite3_result_double(context, result);
  } else {
    sqlite3_result_error_code(context, status);
  }
}

double loci_fts_terms_score(const loci_fts_terms *terms, const uint32_t *occurrences, size_t size,
                            double documents, double length) {
  double total = 0, relative_size = norm((double)size, length);
  for (size_t i = 0; i < terms->set.count; i++) {
    if (occurrences[i] == 0) continue;
    total += terms->set.uses[i] * part(idf(documents, (double)terms->df[i]), occurrences[i], relative_size);
  }
  return total;
}
