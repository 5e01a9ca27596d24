// One query: 4-bit codes list after list, and the exact scan of int8 rows.
#include <float.h>
#include <math.h>
#include <string.h>

#include "loci_math.h"
#include "search.h"

void loci_drop_dead(loci_worker *worker, loci_reservoir *found, size_t from) {
  const uint64_t *live = worker->parameters->live;
  if (live == NULL) return;
  size_t kept = from, rows = worker->index->header.n;
  for (size_t i = from; i < found->count; i++) {
    uint32_t id = found->ids[i];
    found->ids[kept] = id, found->scores[kept] = found->scores[i];
    kept += id < rows && loci_is_live(live, id);
  }
  found->count = kept;
}

// The scan itself prefetches the codes of the list after it.
static void prefetch_list(const loci_index *index, uint32_t list) {
  size_t block = index->list_blocks[list], count = index->list_counts[list];
  const char *mean = (const char *)(index->means + (size_t)list * index->header.d);
  for (size_t j = 0; j < index->header.d * 4; j += 64) __builtin_prefetch(mean + j);
  const char *rows = (const char *)(index->entry_rows + block * 32);
  for (size_t j = 0; j < count * 4 && j < 1024; j += 64) __builtin_prefetch(rows + j);
}

size_t loci_live_entries(const loci_worker *worker, uint32_t list) {
  const loci_index *index = worker->index;
  const uint32_t *rows = index->entry_rows + (size_t)index->list_blocks[list] * 32;
  size_t count = index->list_counts[list], live = 0, n = index->header.n;
  for (size_t e = 0; e < count; e += 4) live += rows[e] < n && loci_is_live(worker->parameters->live, rows[e]);
  return 4 * live;
}

void loci_scan_further(loci_worker *worker, loci_query *query) {
  const loci_index *index = worker->index;
  const loci_index_kernels *kernels = index->kernels;
  size_t lists = index->header.lists, padded = index->lists_padded, wanted = query->probe_count;
  if (query->live_seen >= worker->plan->live_wanted || wanted >= lists) return;
  memset(worker->visited, 0, padded / 8);
  for (size_t i = 0; i < wanted; i++) worker->visited[query->probes[i] / 64] |= UINT64_C(1) << query->probes[i] % 64;
  // The filter goes against the query: more than a random one would need.
  while (query->live_seen < 2 * worker->plan->live_wanted && wanted < lists) {
    wanted = 2 * wanted + 1 < lists ? 2 * wanted + 1 : lists;
    float least;
    kernels->int8_tile(index->centroid_codes, padded / 16, index->groups, query->head_code, &query->head_sum, 1,
                       worker->raw, padded);
    kernels->group_maxima(worker->raw, index->centroid_bias, padded, query->head_step, worker->list_scores,
                          worker->list_maxima);
    for (size_t l = 0; l < lists; l++) worker->list_ids[l] = (uint32_t)l;
    size_t found = loci_keep_best(kernels, worker->list_scores, worker->list_ids, lists, wanted, 0, &least), fresh = 0;
    for (size_t i = 0; i < found; i++) {
      uint32_t list = worker->list_ids[i];
      if ((worker->visited[list / 64] >> list % 64 & 1) != 0) continue;
      worker->visited[list / 64] |= UINT64_C(1) << list % 64;
      worker->further[fresh++] = list;
    }
    loci_scan_single(worker, query, worker->further, fresh);
  }
}

void loci_scan_single(loci_worker *worker, loci_query *query, const uint32_t *lists, size_t list_count) {
  const loci_index *index = worker->index;
  const loci_index_kernels *kernels = index->kernels;
  const loci_kernels *math = loci_kernels_get(LOCI_ISA_AVX512);
  size_t subspaces = index->header.subspaces, d = index->header.d;
  if (list_count == 0) return;
  float base;
  kernels->pq4_products(index->codebook, subspaces, index->header.width, query->vector, worker->products);
  float step = kernels->pq4_quantise(worker->products, subspaces, worker->tables, &base);
  float highest = (float)(subspaces * 63) * step;
  loci_reservoir *found = &query->found;
  for (size_t i = 0; i < list_count; i++) {
    if (i + 1 < list_count) prefetch_list(index, lists[i + 1]);
    uint32_t list = lists[i];
    if (worker->parameters->live != NULL) query->live_seen += loci_live_entries(worker, list);
    size_t block = index->list_blocks[list], count = index->list_counts[list];
    float term = math->dot(query->vector, index->means + list * d, d) + base;
    if (index->entry_bias == NULL && term + highest < found->threshold) continue;
    const uint8_t *next = NULL;
    if (i + 1 < list_count) {
      next = index->codes + (size_t)index->list_blocks[lists[i + 1]] * subspaces * 16;
    }
    kernels->pq4_scan(index->codes + block * subspaces * 16, (count + 31) / 32, subspaces, worker->tables, 1,
                      worker->sums, 0, next);
    for (size_t e = 0; e < count; e += LOCI_SCAN_CHUNK) {
      size_t n = count - e < LOCI_SCAN_CHUNK ? count - e : LOCI_SCAN_CHUNK, from;
      loci_reservoir_make_room(kernels, found);
      from = found->count;
      const float *bias = index->entry_bias != NULL ? index->entry_bias + block * 32 + e : NULL;
      found->count += kernels->append_uint16(worker->sums + e, bias, index->entry_rows + block * 32 + e, n, step,
                                             term, found->threshold, found->scores + from, found->ids + from);
      loci_drop_dead(worker, found, from);
    }
    worker->statistics.codes_scanned += count;
  }
  worker->statistics.lists_probed += list_count;
}

void loci_scan_rows(loci_worker *worker, loci_query *query) {
  const loci_index *index = worker->index;
  loci_reservoir *found = &query->found;
  const uint64_t *live = worker->parameters->live;
  size_t n = index->header.n, pending = 0;
  uint32_t rows[LOCI_SCAN_CHUNK];
  float scores[LOCI_SCAN_CHUNK];
  for (size_t word = 0; word * 64 < n; word++) {
    uint64_t bits = live != NULL ? live[word] : UINT64_MAX;
    if (n - word * 64 < 64) bits &= (UINT64_C(1) << (n - word * 64)) - 1;
    bool last = (word + 1) * 64 >= n;
    for (; bits != 0; bits &= bits - 1) rows[pending++] = (uint32_t)(word * 64 + (size_t)__builtin_ctzll(bits));
    if (pending == 0 || (!last && pending + 64 <= LOCI_SCAN_CHUNK)) continue;
    index->kernels->int8_rows(index->rows, index->row_bytes, rows, pending, query->high, query->low,
                              worker->dots);
    for (size_t i = 0; i < pending; i++) {
      scores[i] = loci_row_score(index, query, rows[i], worker->dots[i]);
    }
    loci_reservoir_make_room(index->kernels, found);
    for (size_t i = 0; i < pending; i++) {
      found->scores[found->count] = scores[i], found->ids[found->count] = rows[i];
      found->count += scores[i] >= found->threshold;
    }
    worker->statistics.rows_ranked += pending;
    pending = 0;
  }
}
