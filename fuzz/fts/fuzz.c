// The tokenizer, the scope header and the query builder on any bytes. The first byte picks what is done.
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "loci_fts.h"

static void require(int condition) {
  if (!condition) abort();
}

typedef struct {
  size_t bytes, start;
} seen;

static int check_token(void *context, const loci_fts_token *token) {
  seen *s = context;
  require(token->count > 0 && token->count <= LOCI_FTS_TOKEN_BYTES_MAX);
  require(token->start < token->end && token->end <= s->bytes);
  require(token->kind == LOCI_FTS_COMPOUND || token->kind == LOCI_FTS_PAIR || token->start >= s->start);
  if (token->kind == LOCI_FTS_WORD || token->kind == LOCI_FTS_CHARACTER) s->start = token->start;
  require(memchr(token->bytes, '"', token->count) == NULL && memchr(token->bytes, 0, token->count) == NULL);
  char copy[LOCI_FTS_TOKEN_BYTES_MAX];
  memcpy(copy, token->bytes, token->count);
  size_t stem = loci_fts_stem(copy, token->count);
  require(stem > 0 && stem <= token->count);
  loci_fts_is_stop_word(token);
  return 0;
}

static sqlite3 *open_index(void) {
  sqlite3 *db;
  require(sqlite3_open(":memory:", &db) == SQLITE_OK && loci_fts_register(db) == SQLITE_OK);
  const char *schema = "CREATE VIRTUAL TABLE t USING fts5(text, content='', tokenize='loci')";
  require(sqlite3_exec(db, schema, NULL, NULL, NULL) == SQLITE_OK);
  return db;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
  sqlite3_stmt *statement;
  require(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK);
  return statement;
}

static void run(sqlite3_stmt *statement, const char *text, size_t n) {
  require(sqlite3_bind_text64(statement, 1, text, n, SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK);
  int status;
  while ((status = sqlite3_step(statement)) == SQLITE_ROW) {
  }
  require(status == SQLITE_DONE);
  sqlite3_reset(statement);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static sqlite3 *db;
  static sqlite3_stmt *insert, *delete, *search;
  if (db == NULL) {
    db = open_index();
    insert = prepare(db, "INSERT INTO t(rowid, text) VALUES (1, ?)");
    delete = prepare(db, "INSERT INTO t(t, rowid, text) VALUES ('delete', 1, ?)");
    search = prepare(db, "SELECT loci_bm25(t, 10, 3) FROM t WHERE t MATCH ?");
  }
  if (size == 0) return 0;
  uint8_t mode = data[0];
  // A copy of the exact size, so that a read beyond it is seen.
  char *text = malloc(size);
  memcpy(text, data + 1, size - 1);
  size_t n = size - 1;
  seen s = {.bytes = n};
  require(loci_fts_split(text, n, &s, check_token) == 0);
  size_t capacity = mode & 1 ? LOCI_FTS_QUERY_BYTES_MAX : mode;
  char *query = malloc(capacity + 1);
  size_t length = loci_fts_query(text, n, mode & 2 ? "scope" : NULL, query, capacity);
  require(length == 0 || (length < capacity && query[length] == '\0'));
  run(insert, text, n);
  if (length > 0) run(search, query, length);
  run(delete, text, n);
  free(query);
  free(text);
  return 0;
}
