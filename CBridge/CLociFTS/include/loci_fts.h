// Keyword search over SQLite's FTS5: the tokenizer "loci", the rank function loci_bm25, and safe queries.
//
//   CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='loci');      -- detail=full, see below
//   INSERT INTO words(rowid, text) VALUES (7, '\x01' || scope || '\x02' || text);
//   SELECT rowid FROM words WHERE words MATCH ?query ORDER BY loci_bm25(words, ?documents, ?length) DESC;
//
// Scope: one table serves many owners, and a search reads only its owner's posting lists. A text that
// begins with LOCI_FTS_SCOPE_BEGIN <scope key> LOCI_FTS_SCOPE_END has each of its tokens stored as <scope
// key> LOCI_FTS_SCOPE_SEPARATOR <token>; queries made for a scope ask for such tokens only. A text without
// that header has plain tokens, which no scope finds. 'delete' on a contentless table needs the same text,
// header included, as was inserted.
//
// Tokens, all folded (case, accents, width variants), at most LOCI_FTS_TOKEN_BYTES_MAX bytes of UTF-8, cut
// between characters:
//   word      a run of letters and digits of other scripts; English words are stemmed (Porter, 1980)
//   compound  words joined by one of . _ - @ / \ : + # & each, such as v1.2.3, foo_bar, a@b.org,
//             /etc/hosts: each word, and the whole, unstemmed, at the position of the last one, unless it
//             is too long
//   unspaced  Han, kana, Hangul, Thai, Lao, Khmer, Myanmar: each character, and each pair of neighbours at
//             the position of its first. Measured on two Chinese retrieval sets, characters and pairs rank
//             better than pairs alone and than dictionary segmentation; and a query of one character is
//             answered.
// Everything else separates, invalid UTF-8 included. A combining mark belongs to the word it stands in.
//
// detail=full is needed, because loci_bm25 counts occurrences; a column's size counts positions, so pairs
// and wholes do not lengthen a document.
#ifndef LOCI_FTS_H
#define LOCI_FTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma clang assume_nonnull begin

struct sqlite3;

#define LOCI_FTS_SCOPE_BEGIN '\x01'
#define LOCI_FTS_SCOPE_END '\x02'
#define LOCI_FTS_SCOPE_SEPARATOR '\x1f'
// A scope key is 1 to this many characters of [A-Za-z0-9._:-].
#define LOCI_FTS_SCOPE_BYTES_MAX 48
#define LOCI_FTS_TOKEN_BYTES_MAX 64
// Distinct tokens of a query; what is beyond is ignored.
#define LOCI_FTS_QUERY_TERMS_MAX 128
// Room for any query.
#define LOCI_FTS_QUERY_BYTES_MAX 24576

// Registers the tokenizer "loci" and the function loci_bm25 on one connection. Returns an SQLite result code;
// SQLITE_ERROR where SQLite has no FTS5.
//
// loci_bm25(table, documents, length) is Okapi BM25 with k1 = 1.2 and b = 0.75, greater is better, never
// negative: the sum over the query's tokens of
//   ln(1 + (N - df + 0.5) / (df + 0.5)) * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * size / length)).
// N = documents and length, the mean size, are the caller's, per scope; df is counted in the index (in the
// scope, because its tokens are), N is taken to be at least df, and a length of 0 or less as the size.
// loci_bm25(table, documents, length, limit), 1 <= limit <= 4096, gives the same for the `limit` best of the
// rows it is called for, and 0 for others when that saves work. For ORDER BY ... DESC LIMIT with all
// conditions in the WHERE of that SELECT.
// loci_bm25(table, documents, length, limit, terms), limit 0 for every row, takes a pointer of type
// LOCI_FTS_TERMS_POINTER to the loci_fts_terms that the query was written from: with the first row, df of the
// index is added to theirs, and the sum is what counts, times how often the query has the term (as a long query
// repeats what it is about). So documents that are not in the index yet rank beside
// those that are, by loci_fts_terms_score.
int loci_fts_register(struct sqlite3 *db);

// Writes an FTS5 query for what a person typed: an OR of the distinct tokens of `text`, stop words
// (English; Chinese function words) left out where others remain. NUL-terminated in `out`; returns its
// length, 0 when `text` has no token (then there is nothing to match) or `scope` is not a scope key or
// `capacity` is too small. `scope` NULL searches texts without a scope. No input, whatever its bytes, gives
// a syntax error.
size_t loci_fts_query(const char *_Nullable text, size_t n, const char *_Nullable scope, char *out,
                      size_t capacity);

// The same query in a form that documents outside the index can be compared with. NULL when `text` has no
// token, `scope` is not a scope key, or there is no memory. Free with loci_fts_terms_destroy.
typedef struct loci_fts_terms loci_fts_terms;
#define LOCI_FTS_TERMS_POINTER "loci_fts_terms"
loci_fts_terms *_Nullable loci_fts_terms_create(const char *_Nullable text, size_t n,
                                                const char *_Nullable scope);
void loci_fts_terms_destroy(loci_fts_terms *_Nullable terms);
// 1 to LOCI_FTS_QUERY_TERMS_MAX.
size_t loci_fts_terms_count(const loci_fts_terms *terms);
// As loci_fts_query.
size_t loci_fts_terms_expression(const loci_fts_terms *terms, char *out, size_t capacity);
// Takes a document, without header: writes to `occurrences` how often each term occurs in it, adds it to the df of
// those that do, and returns whether any does. Its size goes to `size`.
bool loci_fts_terms_observe(loci_fts_terms *terms, const char *_Nullable text, size_t n, uint32_t *occurrences,
                            size_t *size);
// The same for a document that is in the index: df stays as it is.
bool loci_fts_terms_occurrences(const loci_fts_terms *terms, const char *_Nullable text, size_t n,
                                uint32_t *occurrences, size_t *size);
// For each term: how many documents have it, once the index was asked, and how often the query has it.
void loci_fts_terms_frequencies(const loci_fts_terms *terms, int64_t *df, uint32_t *uses);
// BM25 of such a document, as loci_bm25 computes it, once all documents have been observed.
double loci_fts_terms_score(const loci_fts_terms *terms, const uint32_t *occurrences, size_t size,
                            double documents, double length);

// Whether the n bytes are a scope key.
bool loci_fts_scope_is_valid(const char *scope, size_t n);

// What a text shows at a glance, for ranking: bits of loci_fts_cues. English and Chinese.
enum {
  LOCI_FTS_CUE_QUESTION = 1,      // a question mark
  LOCI_FTS_CUE_TIME = 2,          // says when: "yesterday", "last week", "in May", a year, 昨天
  LOCI_FTS_CUE_NUMBER = 4,        // a number, in digits or words
  LOCI_FTS_CUE_FIRST_PERSON = 8,  // the writer speaks of themselves: "I", "my", "we", 我
  LOCI_FTS_CUE_ASKS_WHEN = 16,    // as a question it wants a time: "when", "how long", "what year", 什么时候
  LOCI_FTS_CUE_ASKS_COUNT = 32,   // as a question it wants a number: "how many", "how often", 多少
};
uint32_t loci_fts_cues(const char *_Nullable text, size_t n);

// MARK: Parts, for tests and other rankers

typedef enum __attribute__((enum_extensibility(closed))) loci_fts_kind : int32_t {
  LOCI_FTS_WORD __attribute__((swift_name("word"))) = 0,
  LOCI_FTS_COMPOUND __attribute__((swift_name("compound"))) = 1,
  LOCI_FTS_CHARACTER __attribute__((swift_name("character"))) = 2,
  LOCI_FTS_PAIR __attribute__((swift_name("pair"))) = 3,
} loci_fts_kind;

// A token before stemming. `bytes` is not terminated and lasts for the call only; it came from text[start,
// end).
typedef struct loci_fts_token {
  const char *bytes;
  size_t count;
  size_t start, end;
  loci_fts_kind kind;
} loci_fts_token;

// Calls `emit` with each token of `text`, in order; stops when it returns other than 0 and returns that.
// Knows nothing of scopes. Compounds and pairs share the position of the token before them.
int loci_fts_split(const char *_Nullable text, size_t n, void *_Nullable context,
                   int (*emit)(void *_Nullable context, const loci_fts_token *token));

// Stems an English word of n lower-case ASCII letters in place and returns its new length, at most n. Other
// words are left alone.
size_t loci_fts_stem(char *word, size_t n);

// Whether a token, before stemming, carries no meaning of its own in a query.
bool loci_fts_is_stop_word(const loci_fts_token *token);

#pragma clang assume_nonnull end
#ifdef __cplusplus
}
#endif
#endif
