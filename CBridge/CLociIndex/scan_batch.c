// Many queries: list after list, each list scanned for all queries that probe it while it is in the cache.
#include <math.h>
#include <string.h>

#include "loci_math.h"
#include "search.h"

// Sorts (list, query) pairs by list: order[starts[l] ..< starts[l + 1]] are the queries of list l.
static void sort_by_list(loci_worker *worker, size_t count) {
  size_t lists = worker->index->header.lists;
  uint32_t *starts = worker->starts;
  memset(starts, 0, (lists + 2) * sizeof *starts);
  for (size_t q = 0; q < count; q++) {
    const loci_query *query = &worker->queries[q];
    for (size_t i = 0; i < query->probe_count; i++) starts[query->probes[i] + 2]++;
  }
  for (size_t l = 0; l < lists; l++) starts[l + 2] += starts[l + 1];
  for (size_t q = 0; q < count; q++) {
    const loci_query *query = &worker->queries[q];
    for (size_t i = 0; i < query->probe_count; i++) worker->order[starts[query->probes[i] + 1]++] = (uint32_t)q;
  }
}

static inline void collect(loci_worker *worker, loci_query *query, const void *raw, bool is_int32, size_t block,
                           size_t count, float step, float term) {
  const loci_index *index = worker->index;
  const loci_index_kernels *kernels = index->kernels;
  loci_reservoir *found = &query->found;
  for (size_t e = 0; e < count; e += LOCI_SCAN_CHUNK) {
    size_t n = count - e < LOCI_SCAN_CHUNK ? count - e : LOCI_SCAN_CHUNK;
    loci_reservoir_make_room(kernels, found);
    size_t from = found->count;
    const float *all = is_int32 ? index->plane_bias : index->entry_bias;
    const float *bias = all != NULL ? all + block * 32 + e : NULL;
    const uint32_t *rows = index->entry_rows + block * 32 + e;
    found->count +=
        is_int32 ? kernels->append_int32((const int32_t *)raw + e, bias, rows, n, step, term, found->threshold,
                                         found->scores + from, found->ids + from)
                 : kernels->append_uint16((const uint16_t *)raw + e, bias, rows, n, step, term, found->threshold,
                                          found->scores + from, found->ids + from);
    loci_drop_dead(worker, found, from);
  }
}

static void scan_plane(loci_worker *worker, const uint32_t *order, size_t count, size_t block, size_t entries) {
  const loci_index *index = worker->index;
  size_t groups = index->groups, stride = loci_round_up(entries, 16);
  for (size_t first = 0; first < count; first += LOCI_INT8_QUERIES) {
    size_t tile = count - first < LOCI_INT8_QUERIES ? count - first : LOCI_INT8_QUERIES;
    int32_t sums[LOCI_INT8_QUERIES];
    for (size_t i = 0; i < tile; i++) {
      const loci_query *query = &worker->queries[order[first + i]];
      sums[i] = query->head_sum;
      uint32_t *out = (uint32_t *)(void *)worker->tile + i;
      for (size_t g = 0; g < groups; g++) memcpy(out + g * tile, query->head_code + g * 4, 4);
    }
    index->kernels->int8_tile(index->plane + block * 32 * groups * 4, stride / 16, groups, worker->tile, sums,
                              tile, worker->raw, stride);
    for (size_t i = 0; i < tile; i++) {
      loci_query *query = &worker->queries[order[first + i]];
      collect(worker, query, worker->raw + i * stride, true, block, entries, query->head_step, 0);
    }
  }
}

static void scan_codes(loci_worker *worker, const uint32_t *order, size_t count, uint32_t list, size_t block,
                       size_t entries) {
  const loci_index *index = worker->index;
  const loci_kernels *math = loci_kernels_get(LOCI_ISA_AVX512);
  size_t subspaces = index->header.subspaces, d = index->header.d, stride = loci_round_up(entries, 32);
  uint8_t *tables = worker->tables + worker->capacity * subspaces * 16;
  for (size_t first = 0; first < count; first += LOCI_PQ_QUERIES) {
    size_t tile = count - first < LOCI_PQ_QUERIES ? count - first : LOCI_PQ_QUERIES;
    for (size_t i = 0; i < tile; i++) {
      memcpy(tables + i * subspaces * 16, worker->tables + order[first + i] * subspaces * 16, subspaces * 16);
    }
    index->kernels->pq4_scan(index->codes + block * subspaces * 16, stride / 32, subspaces, tables, tile,
                             worker->sums, stride, NULL);
    for (size_t i = 0; i < tile; i++) {
      uint32_t q = order[first + i];
      loci_query *query = &worker->queries[q];
      float term = math->dot(query->vector, index->means + list * d, d) + worker->table_bases[q];
      collect(worker, query, worker->sums + i * stride, false, block, entries, worker->table_steps[q], term);
    }
  }
}

void loci_scan_batch(loci_worker *worker, size_t count) {
  const loci_index *index = worker->index;
  size_t subspaces = index->header.subspaces;
  if (index->plane == NULL) {
    for (size_t q = 0; q < count; q++) {
      index->kernels->pq4_products(index->codebook, subspaces, index->header.width, worker->queries[q].vector,
                                   worker->products);
      worker->table_steps[q] = index->kernels->pq4_quantise(
          worker->products, subspaces, worker->tables + q * subspaces * 16, &worker->table_bases[q]);
    }
  }
  // One pass in the order of the image: its codes stream through the cache once. (Scanning every query's nearest
  // lists first tightens thresholds early, but reads most of the image twice.)
  sort_by_list(worker, count);
  const uint32_t *starts = worker->starts;
  for (uint32_t l = 0; l < index->header.lists; l++) {
    size_t queries = starts[l + 1] - starts[l], block = index->list_blocks[l], entries = index->list_counts[l];
    if (queries == 0 || entries == 0) continue;
    if (worker->parameters->live != NULL) {
      size_t live = loci_live_entries(worker, l);
      for (size_t i = starts[l]; i < starts[l + 1]; i++) worker->queries[worker->order[i]].live_seen += live;
    }
    if (index->plane != NULL) {
      scan_plane(worker, worker->order + starts[l], queries, block, entries);
    } else {
      scan_codes(worker, worker->order + starts[l], queries, l, block, entries);
    }
    worker->statistics.codes_scanned += queries * entries;
  }
  for (size_t q = 0; q < count; q++) worker->statistics.lists_probed += worker->queries[q].probe_count;
}
