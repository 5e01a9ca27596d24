// A query made ready, and the choice of lists.
#include <math.h>
#include <string.h>

#include "search.h"

// Overwrites query->head by its products with the steps.
static float quantise_head(loci_query *query, const float *head_step, size_t head) {
  for (size_t j = 0; j < head; j++) query->head[j] *= head_step[j];
  float greatest = loci_greatest(query->head, head), inverse = greatest > 1e-30f ? 127 / greatest : 0;
  int32_t sum = 0;
  for (size_t j = 0; j < head; j++) {
    int8_t code = (int8_t)loci_round(query->head[j], inverse);
    query->head_code[j] = code;
    sum += code;
  }
  query->head_sum = sum;
  return greatest / 127;
}

static void quantise_planes(loci_query *query, size_t d, size_t row_bytes) {
  float greatest = loci_greatest(query->vector, d), inverse = greatest > 1e-30f ? 16256 / greatest : 0;
  query->step = greatest / 16256;
  for (size_t j = 0; j < d; j++) {
    // Through 16 bits, which hold it, so that what a damaged image leads to cannot overflow.
    int32_t whole = (int16_t)loci_round(query->vector[j], inverse), high = (whole + 64) >> 7;
    query->high[j] = (int8_t)high;
    query->low[j] = (int8_t)(whole - 128 * high);
  }
  memset(query->high + d, 0, row_bytes - d);
  memset(query->low + d, 0, row_bytes - d);
}

void loci_prepare_queries(loci_worker *worker, const float *input, size_t count) {
  const loci_index *index = worker->index;
  size_t d = index->header.d, wide = (size_t)index->header.subspaces * index->header.width;
  if (wide < d) wide = d;
  for (size_t q = 0; q < count; q++) {
    loci_query *query = &worker->queries[q];
    float squared = 0;
    for (size_t j = 0; j < d; j++) query->vector[j] = input[q * d + j] - index->origin[j];
    for (size_t j = 0; j < d; j++) {
#pragma clang fp reassociate(on)
      squared += query->vector[j] * query->vector[j];
    }
    if (index->header.metric == LOCI_INDEX_COSINE && squared > 0) {
      float scale = 1 / sqrtf(squared);
      for (size_t j = 0; j < d; j++) query->vector[j] *= scale;
      squared = 1;
    }
    for (size_t j = d; j < wide; j++) query->vector[j] = 0;
    query->squared = squared;
    quantise_planes(query, d, index->row_bytes);
    query->found.count = 0;
    query->found.threshold = -INFINITY;
    query->probe_count = 0;
    query->live_seen = 0;
  }
  if (index->header.kind != LOCI_KIND_IVF || worker->plan->exact) return;
  // Vectors of consecutive queries are `wide` apart, heads `head` apart: one product when there is no padding.
  size_t panels = index->header.head / 16;
  if (wide == d) {
    index->kernels->project(index->head_matrix, d, panels, worker->queries[0].vector, count,
                            worker->queries[0].head);
  } else {
    for (size_t q = 0; q < count; q++) {
      index->kernels->project(index->head_matrix, d, panels, worker->queries[q].vector, 1,
                              worker->queries[q].head);
    }
  }
  for (size_t q = 0; q < count; q++) {
    loci_query *query = &worker->queries[q];
    query->head_step = quantise_head(query, index->head_step, index->header.head);
  }
}

// The lists of greatest <query, centroid> + bias from the raw int8 sums; the few best of them first.
static void choose(loci_worker *worker, loci_query *query, const int32_t *raw) {
  const loci_index *index = worker->index;
  const loci_index_kernels *kernels = index->kernels;
  size_t lists = index->header.lists, wanted = worker->plan->probes, found, groups = index->lists_padded / 8;
  if (wanted >= lists) {
    for (size_t l = 0; l < lists; l++) query->probes[l] = (uint32_t)l;
    query->probe_count = (uint32_t)lists;
    return;
  }
  float *scores = worker->list_scores, least;
  uint32_t *ids = worker->list_ids;
  kernels->group_maxima(raw, index->centroid_bias, index->lists_padded, query->head_step, scores,
                        worker->list_maxima);
  float floor = -INFINITY;
  if (wanted < groups) {
    // At least `wanted` scores reach what `wanted` maxima of groups reach.
    loci_keep_best(kernels, worker->list_maxima, ids, groups, wanted, wanted / 8, &floor);
  }
  for (size_t l = 0; l < lists; l++) ids[l] = (uint32_t)l;
  found = kernels->keep_at_least(scores, ids, lists, floor);
  found = loci_keep_best(kernels, scores, ids, found, wanted, 0, &least);
  if (found > wanted) found = wanted;
  for (size_t i = 0; i < 4 && i < found; i++) {
    size_t best = i;
    for (size_t j = i + 1; j < found; j++) best = scores[j] > scores[best] ? j : best;
    float score = scores[i];
    uint32_t id = ids[i];
    scores[i] = scores[best], ids[i] = ids[best];
    scores[best] = score, ids[best] = id;
  }
  memcpy(query->probes, ids, found * sizeof *ids);
  query->probe_count = (uint32_t)found;
}

void loci_choose_lists(loci_worker *worker, size_t count) {
  const loci_index *index = worker->index;
  size_t groups = index->groups, stride = index->lists_padded;
  for (size_t q = 0; q < count; q += LOCI_INT8_QUERIES) {
    size_t tile = count - q < LOCI_INT8_QUERIES ? count - q : LOCI_INT8_QUERIES;
    int32_t sums[LOCI_INT8_QUERIES];
    for (size_t i = 0; i < tile; i++) sums[i] = worker->queries[q + i].head_sum;
    for (size_t g = 0; g < groups; g++) {
      for (size_t i = 0; i < tile; i++) {
        memcpy(worker->tile + (g * tile + i) * 4, worker->queries[q + i].head_code + g * 4, 4);
      }
    }
    index->kernels->int8_tile(index->centroid_codes, stride / 16, groups, worker->tile, sums, tile, worker->raw,
                              stride);
    for (size_t i = 0; i < tile; i++) choose(worker, &worker->queries[q + i], worker->raw + i * stride);
  }
}
