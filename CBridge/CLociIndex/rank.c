// The last stages: candidates ranked by int8 rows, the best of those by the originals.
#include <math.h>
#include <string.h>

#include "loci_math.h"
#include "search.h"

// Drops rows seen twice (a row is in two lists), and numbers that are none. In place; returns how many are left.
static size_t drop_repeated(loci_worker *worker, uint32_t *ids, size_t n) {
  size_t size = 64, kept = 0;
  while (size < 2 * n) size *= 2;
  uint32_t *seen = worker->seen, rows = (uint32_t)worker->index->header.n;
  memset(seen, 0xff, size * sizeof *seen);
  for (size_t i = 0; i < n; i++) {
    uint32_t id = ids[i];
    if (id >= rows) continue;
    size_t slot = (id * 2654435761u) & (size - 1);
    while (seen[slot] != UINT32_MAX && seen[slot] != id) slot = (slot + 1) & (size - 1);
    if (seen[slot] == id) continue;
    seen[slot] = id;
    ids[kept++] = id;
  }
  return kept;
}

static float original_score(loci_worker *worker, const loci_query *query, uint32_t row) {
  const loci_index *index = worker->index;
  const loci_index_parameters *p = worker->parameters;
  const loci_kernels *math = loci_kernels_get(LOCI_ISA_AVX512);
  const char *at = (const char *)p->originals + (size_t)row * p->originals_stride;
  size_t d = index->header.d;
  const float *values = (const float *)(const void *)at;
  if (p->originals_type == LOCI_INDEX_F16) {
    math->f32_from_f16((const uint16_t *)(const void *)at, worker->original, d);
    values = worker->original;
  }
  if (index->header.metric != LOCI_INDEX_EUCLIDEAN) return math->dot(query->vector, values, d);
  if (values != worker->original) memcpy(worker->original, values, d * sizeof *values);
  for (size_t j = 0; j < d; j++) worker->original[j] -= index->origin[j];
  return -math->squared_l2(query->vector, worker->original, d);
}

static inline bool better(float score, uint32_t row, float other, uint32_t other_row) {
  return score > other || (score == other && row < other_row);
}

// Best first, equal scores by lower row.
static void sort_pairs(float *scores, uint32_t *rows, size_t n) {
  static const size_t gaps[] = {23, 4, 1};
  for (size_t g = n > 64 ? 0 : n > 16 ? 1 : 2; g < 3; g++) {
    size_t gap = gaps[g];
    for (size_t i = gap; i < n; i++) {
      float score = scores[i];
      uint32_t row = rows[i];
      size_t j = i;
      for (; j >= gap && better(score, row, scores[j - gap], rows[j - gap]); j -= gap) {
        scores[j] = scores[j - gap], rows[j] = rows[j - gap];
      }
      scores[j] = score, rows[j] = row;
    }
  }
}

uint32_t loci_rank(loci_worker *worker, loci_query *query, uint32_t *rows, float *scores) {
  const loci_index *index = worker->index;
  const loci_index_parameters *p = worker->parameters;
  const loci_plan *plan = worker->plan;
  loci_reservoir *found = &query->found;
  float least;
  bool euclidean = index->header.metric == LOCI_INDEX_EUCLIDEAN;
  if (!plan->exact) {
    found->count = loci_keep_best(index->kernels, found->scores, found->ids, found->count, plan->candidates,
                                  plan->candidates / 8, &least);
    found->count = drop_repeated(worker, found->ids, found->count);
    index->kernels->int8_rows(index->rows, index->row_bytes, found->ids, found->count, query->high, query->low,
                              worker->dots);
    for (size_t i = 0; i < found->count; i++) {
      found->scores[i] = loci_row_score(index, query, found->ids[i], worker->dots[i]);
    }
    worker->statistics.rows_ranked += found->count;
  }
  size_t keep = plan->ranked > plan->k ? plan->ranked : plan->k;
  size_t count = loci_keep_best(index->kernels, found->scores, found->ids, found->count, keep, keep / 8, &least);
  if (p->originals != NULL) {
    for (size_t i = 0; i < count; i++) {
      const char *at = (const char *)p->originals + (size_t)found->ids[i] * p->originals_stride;
      size_t bytes = index->header.d * (p->originals_type == LOCI_INDEX_F16 ? 2 : 4);
      for (size_t j = 0; j < bytes; j += 64) __builtin_prefetch(at + j);
    }
    for (size_t i = 0; i < count; i++) found->scores[i] = original_score(worker, query, found->ids[i]);
    worker->statistics.originals_read += count;
  } else if (euclidean) {
    for (size_t i = 0; i < count; i++) found->scores[i] = fminf(0, 2 * found->scores[i] - query->squared);
  }
  sort_pairs(found->scores, found->ids, count);
  if (count > plan->k) count = plan->k;
  memcpy(rows, found->ids, count * sizeof *rows);
  memcpy(scores, found->scores, count * sizeof *scores);
  return (uint32_t)count;
}
