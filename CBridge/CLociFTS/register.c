// The tokenizer and the rank function as FTS5 wants them.
#include <sqlite3.h>

#include "bm25.h"
#include "scope.h"

// The tokenizer keeps nothing between calls; FTS5 wants some object of it all the same.
static char tokenizer_object;

static int create(void *context, const char **arguments, int count, Fts5Tokenizer **out) {
  (void)context, (void)arguments;
  *out = NULL;
  if (count > 0) return SQLITE_ERROR;  // no options
  *out = (Fts5Tokenizer *)&tokenizer_object;
  return SQLITE_OK;
}

static void delete (Fts5Tokenizer *tokenizer) { (void)tokenizer; }

typedef struct {
  void *context;
  int (*emit)(void *, int, const char *, int, int, int);
  const char *scope;
  size_t scope_bytes;
  size_t header_bytes;
} sink;

static int forward(void *context, const loci_fts_token *token) {
  sink *s = context;
  loci_fts_term term;
  loci_fts_make_term(token, s->scope, s->scope_bytes, &term);
  bool shares_position = token->kind == LOCI_FTS_COMPOUND || token->kind == LOCI_FTS_PAIR;
  return s->emit(s->context, shares_position ? FTS5_TOKEN_COLOCATED : 0, term.bytes, (int)term.count,
                 (int)(s->header_bytes + token->start), (int)(s->header_bytes + token->end));
}

static int tokenize(Fts5Tokenizer *tokenizer, void *context, int flags, const char *text, int bytes,
                    int (*emit)(void *, int, const char *, int, int, int)) {
  (void)tokenizer;
  if (text == NULL || bytes <= 0) return SQLITE_OK;
  size_t n = (size_t)bytes;
  if ((flags & FTS5_TOKENIZE_QUERY) != 0 && text[0] == LOCI_FTS_VERBATIM) {
    return emit(context, 0, text + 1, bytes - 1, 1, bytes);
  }
  sink s = {.context = context, .emit = emit};
  s.header_bytes = loci_fts_header(text, n, &s.scope, &s.scope_bytes);
  return loci_fts_split(text + s.header_bytes, n - s.header_bytes, &s, forward);
}

static int fts5_of(sqlite3 *db, fts5_api **api) {
  *api = NULL;
  sqlite3_stmt *statement = NULL;
  int status = sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &statement, NULL);
  if (status == SQLITE_OK) status = sqlite3_bind_pointer(statement, 1, api, "fts5_api_ptr", NULL);
  if (status == SQLITE_OK) sqlite3_step(statement);
  int finished = sqlite3_finalize(statement);
  if (status == SQLITE_OK) status = finished;
  return status == SQLITE_OK && *api == NULL ? SQLITE_ERROR : status;
}

int loci_fts_register(struct sqlite3 *db) {
  fts5_api *api;
  int status = fts5_of(db, &api);
  if (status != SQLITE_OK) return status;
  fts5_tokenizer tokenizer = {.xCreate = create, .xDelete = delete, .xTokenize = tokenize};
  status = api->xCreateTokenizer(api, "loci", NULL, &tokenizer, NULL);
  if (status != SQLITE_OK) return status;
  return api->xCreateFunction(api, "loci_bm25", NULL, loci_fts_bm25, NULL);
}
