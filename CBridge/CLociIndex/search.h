// The parts of a search. Private to CLociIndex.
//
// All of it works with one kind of score: <query, row> + bias of the row, where query and row have the origin
// subtracted, and the bias is 0 for inner products and -|row|^2 / 2 for Euclidean distance.
#ifndef LOCI_INDEX_SEARCH_H
#define LOCI_INDEX_SEARCH_H

#include "image.h"

#pragma clang assume_nonnull begin

// The best candidates so far of one query: a buffer that is cut back to the `wanted` best when it is full.
typedef struct loci_reservoir {
  float *scores;
  uint32_t *ids;
  size_t count, wanted, capacity;
  float threshold;  // what a candidate has to reach
} loci_reservoir;

enum { LOCI_SCAN_CHUNK = 128 };  // entries looked at between two checks for room

static inline size_t loci_reservoir_capacity(size_t wanted) {
  return 2 * wanted + 2 * LOCI_SCAN_CHUNK + 2 * LOCI_APPEND_SLACK;
}
// Cuts back to `wanted`, or up to an eighth more, and raises the threshold.
void loci_reservoir_cut(const loci_index_kernels *kernels, loci_reservoir *reservoir);
static inline void loci_reservoir_make_room(const loci_index_kernels *kernels, loci_reservoir *reservoir) {
  if (reservoir->count + LOCI_SCAN_CHUNK + LOCI_APPEND_SLACK > reservoir->capacity)
    loci_reservoir_cut(kernels, reservoir);
}

// Keeps the `wanted` best of n pairs, or up to `slack` more; among equal scores any. Returns how many; *least is
// a score that all of them reach.
size_t loci_keep_best(const loci_index_kernels *kernels, float *scores, uint32_t *ids, size_t n, size_t wanted,
                      size_t slack, float *least);

// One query made ready.
typedef struct loci_query {
  float *vector;  // (dimension of codebook: subspaces * width), origin subtracted, normalised for cosine
  float *head;    // (head)
  int8_t *head_code;  // (head), [groups][4]
  int32_t head_sum;   // of head_code
  float head_step;
  int8_t *high, *low;  // (row_bytes), int8 planes: vector = step * (128 * high + low)
  float step;
  float squared;  // |vector|^2
  uint32_t probe_count;
  uint32_t *probes;
  size_t live_seen;  // under a filter: about how many live entries the scanned lists held
  loci_reservoir found;
} loci_query;

typedef struct loci_plan {
  size_t k, probes, candidates, ranked;  // `ranked`: with originals
  bool exact;                            // int8 over all live rows
  size_t live_wanted;                    // under a filter: live entries to see before a query has enough
  size_t live_count;
} loci_plan;

typedef struct loci_worker_memory {
  _Alignas(64) size_t bytes;  // behind this
} loci_worker_memory;

// What one thread works with.
typedef struct loci_worker {
  const loci_index *index;
  const loci_index_parameters *parameters;
  const loci_plan *plan;
  size_t capacity;  // queries
  loci_query *queries;
  loci_worker_memory *memory;
  int32_t *raw;      // int8 tiles: (8, chunk or padded lists)
  uint16_t *sums;    // 4-bit scans: (4, longest list)
  uint8_t *tables;   // (4 or capacity, subspaces, 16)
  float *products;   // (subspaces, 16)
  float *list_scores, *list_maxima;
  uint32_t *list_ids;
  int8_t *tile;      // (groups, 8, 4)
  int64_t *dots;
  uint32_t *seen;    // hash of candidate rows
  size_t seen_size;
  float *table_steps, *table_bases;  // (capacity)
  uint32_t *starts, *order;          // counting sort of (list, query) pairs
  float *pair_terms;                 // <query, mean> + ... of each pair
  float *original;                   // one row in float32
  uint64_t *visited;                 // (padded lists) bits
  uint32_t *further;                 // (padded lists)
  loci_index_statistics statistics;
} loci_worker;

// Rounds value * scale to the nearest whole number, ties to even; |value * scale| < 2^21. A loop over it is vectorised
// where rounding conversions are not.
static inline int32_t loci_round(float value, float scale) {
  union {
    float number;
    int32_t bits;
  } shifted = {.number = value * scale + 12582912.0f};
  return (int32_t)((uint32_t)shifted.bits - 0x4b400000u);
}
// The greatest magnitude. Through the bits, whose order is that of the numbers.
static inline float loci_greatest(const float *values, size_t count) {
  int32_t most = 0;
  for (size_t i = 0; i < count; i++) {
    union {
      float number;
      int32_t bits;
    } value = {.number = values[i]};
    int32_t magnitude = value.bits & 0x7fffffff;
    most = magnitude > most ? magnitude : most;
  }
  union {
    int32_t bits;
    float number;
  } greatest = {.bits = most};
  return greatest.number;
}

// Subtracts the origin, normalises, quantises. input is (count, d).
void loci_prepare_queries(loci_worker *worker, const float *input, size_t count);
// Finds the lists to probe for each of the first `count` queries.
void loci_choose_lists(loci_worker *worker, size_t count);
// Drops candidates from position `from` on that are not live.
void loci_drop_dead(loci_worker *worker, loci_reservoir *found, size_t from);
// Live entries of a list, from every fourth of them.
size_t loci_live_entries(const loci_worker *worker, uint32_t list);
// Scans `count` lists for one query.
void loci_scan_single(loci_worker *worker, loci_query *query, const uint32_t *lists, size_t count);
// Under a filter: scans further lists until the query has seen `live_wanted` entries.
void loci_scan_further(loci_worker *worker, loci_query *query);
void loci_scan_batch(loci_worker *worker, size_t count);
// Exact: scores every live row by its int8 code.
void loci_scan_rows(loci_worker *worker, loci_query *query);
// Ranks the candidates found, by int8 rows and then by originals. Returns how many results there are.
uint32_t loci_rank(loci_worker *worker, loci_query *query, uint32_t *rows, float *scores);

// The score of a row from the dot of its code.
static inline float loci_row_score(const loci_index *index, const loci_query *query, uint32_t row, int64_t dot) {
  float score = (float)dot * query->step * index->row_steps[row];
  return index->row_bias != NULL ? score + index->row_bias[row] : score;
}

static inline bool loci_is_live(const uint64_t *_Nullable live, size_t row) {
  return live == NULL || (live[row / 64] >> (row % 64) & 1) != 0;
}

#pragma clang assume_nonnull end
#endif
