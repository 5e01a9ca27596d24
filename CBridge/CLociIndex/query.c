// A query made ready, and the choice of lists.
#include <float.h>
#include <math.h>
#include <string.h>

#include "search.h"

// Groups of lists that are looked into: so many, and so many for each list wanted.
enum { GROUPS_LEAST = 40, GROUPS_FACTOR = 2 };

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

// The `wanted` best of `found` lists with their scores in list_scores and list_ids; the few best of them first.
static void take_best(loci_worker *worker, loci_query *query, size_t found, size_t wanted) {
  float *scores = worker->list_scores, least;
  uint32_t *ids = worker->list_ids;
  found = loci_keep_best(worker->index->kernels, scores, ids, found, wanted, 0, &least);
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

// The lists of greatest <query, centroid> + bias from the raw int8 sums.
static void choose(loci_worker *worker, loci_query *query, const int32_t *raw) {
  const loci_index *index = worker->index;
  const loci_index_kernels *kernels = index->kernels;
  size_t lists = index->header.lists, wanted = worker->plan->probes, eighths = index->lists_padded / 8;
  float *scores = worker->list_scores;
  uint32_t *ids = worker->list_ids;
  kernels->group_maxima(raw, index->centroid_bias, index->lists_padded, query->head_step, scores,
                        worker->list_maxima);
  size_t found = 0;
  if (wanted < eighths) {
    // At least `wanted` scores reach what `wanted` maxima reach.
    float floor;
    uint32_t *best = worker->further;
    memcpy(best, index->list_numbers, eighths * sizeof *best);
    size_t kept = loci_keep_best(kernels, worker->list_maxima, best, eighths, wanted, wanted / 8, &floor);
    for (size_t i = 0; i < kept; i++) {
      // The eight of a maximum are sixteen apart.
      size_t first = (size_t)best[i] / 16 * 128 + best[i] % 16;
      for (size_t l = first; l < first + 128 && l < lists; l += 16) {
        if (scores[l] >= floor) worker->pair_scores[found] = scores[l], ids[found++] = (uint32_t)l;
      }
    }
    memcpy(scores, worker->pair_scores, found * sizeof *scores);
  } else {
    memcpy(ids, index->list_numbers, lists * sizeof *ids);
    found = lists;
  }
  take_best(worker, query, found, wanted);
}

// How many groups to look into for so many lists.
static size_t groups_wanted(size_t probes) { return GROUPS_LEAST + GROUPS_FACTOR * probes; }

// The same through groups: their centres' raw sums give the groups whose centroids are looked at.
static void choose_in_groups(loci_worker *worker, loci_query *query, const int32_t *raw) {
  const loci_index *index = worker->index;
  const loci_index_kernels *kernels = index->kernels;
  size_t wanted = groups_wanted(worker->plan->probes), found = 0;
  float *scores = worker->list_scores, least;
  uint32_t *best = worker->further;
  kernels->group_maxima(raw, index->group_bias, index->groups_padded, query->head_step, scores,
                        worker->list_maxima);
  memcpy(best, index->list_numbers, index->group_count * sizeof *best);
  size_t kept = loci_keep_best(kernels, scores, best, index->group_count, wanted, wanted / 8, &least);
  int32_t sums[LOCI_GROUP_LISTS];
  size_t bytes = index->groups * LOCI_GROUP_LISTS * 4;
  for (size_t i = 0; i < kept; i++) {
    size_t first = (size_t)best[i] * LOCI_GROUP_LISTS;
    kernels->int8_tile(index->centroid_codes + best[i] * bytes, 1, index->groups, query->head_code,
                       &query->head_sum, 1, sums, LOCI_GROUP_LISTS);
    // Padding is far below the threshold.
    found += kernels->append_int32(sums, index->centroid_bias + first, index->list_numbers + first,
                                   LOCI_GROUP_LISTS, query->head_step, 0, -FLT_MAX / 2, scores + found,
                                   worker->list_ids + found);
  }
  take_best(worker, query, found, worker->plan->probes);
}

// Head codes of `count` queries side by side, as tiles want them.
static void lay_tile(loci_worker *worker, const loci_query *queries, size_t count, int32_t *sums) {
  for (size_t i = 0; i < count; i++) sums[i] = queries[i].head_sum;
  for (size_t g = 0; g < worker->index->groups; g++) {
    for (size_t i = 0; i < count; i++) memcpy(worker->tile + (g * count + i) * 4, queries[i].head_code + g * 4, 4);
  }
}

void loci_choose_lists(loci_worker *worker, size_t count) {
  const loci_index *index = worker->index;
  size_t lists = index->header.lists, probes = worker->plan->probes;
  if (probes >= lists) {
    for (size_t q = 0; q < count; q++) {
      memcpy(worker->queries[q].probes, index->list_numbers, lists * sizeof(uint32_t));
      worker->queries[q].probe_count = (uint32_t)lists;
    }
    return;
  }
  bool in_groups = 4 * groups_wanted(probes) <= index->group_count;
  const uint8_t *codes = in_groups ? index->group_codes : index->centroid_codes;
  size_t stride = in_groups ? index->groups_padded : index->lists_padded;
  for (size_t q = 0; q < count; q += LOCI_INT8_QUERIES) {
    size_t tile = count - q < LOCI_INT8_QUERIES ? count - q : LOCI_INT8_QUERIES;
    int32_t sums[LOCI_INT8_QUERIES];
    lay_tile(worker, worker->queries + q, tile, sums);
    index->kernels->int8_tile(codes, stride / 16, index->groups, worker->tile, sums, tile, worker->raw, stride);
    for (size_t i = 0; i < tile; i++) {
      loci_query *query = &worker->queries[q + i];
      if (in_groups) {
        choose_in_groups(worker, query, worker->raw + i * stride);
      } else {
        choose(worker, query, worker->raw + i * stride);
      }
    }
  }
}
