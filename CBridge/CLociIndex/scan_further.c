// Under a filter that goes against the query: its nearest lists hold fewer live rows than a random filter would have
// left there, and it goes on to the nearest lists that hold some.
#include <string.h>

#include "search.h"

enum { SAMPLE = 64 };  // entries of a list that are looked at, to know how many of it are live

size_t loci_live_entries(const loci_worker *worker, uint32_t list) {
  const loci_index *index = worker->index;
  const uint32_t *rows = index->entry_rows + (size_t)index->list_blocks[list] * 32;
  size_t count = index->list_counts[list], live = 0, n = index->header.n;
  for (size_t e = 0; e < count; e += 4) live += rows[e] < n && loci_is_live(worker->parameters->live, rows[e]);
  return 4 * live;
}

// About how many entries of each list are live, once for all queries of a worker.
static void count_live(loci_worker *worker) {
  const loci_index *index = worker->index;
  if (worker->has_live_counts) return;
  worker->has_live_counts = true;
  for (uint32_t l = 0; l < index->header.lists; l++) {
    const uint32_t *rows = index->entry_rows + (size_t)index->list_blocks[l] * 32;
    size_t count = index->list_counts[l], step = count / SAMPLE + 1, live = 0, seen = 0, n = index->header.n;
    for (size_t e = 0; e < count; e += step, seen++) {
      live += rows[e] < n && loci_is_live(worker->parameters->live, rows[e]);
    }
    worker->live_counts[l] = seen == 0 ? 0 : (uint32_t)(live * count / seen);
  }
}

void loci_scan_further(loci_worker *worker, loci_query *query) {
  const loci_index *index = worker->index;
  const loci_index_kernels *kernels = index->kernels;
  size_t lists = index->header.lists, padded = index->lists_padded, wanted = query->probe_count;
  if (query->live_seen >= worker->plan->live_wanted || wanted >= lists) return;
  memset(worker->visited, 0, padded / 8);
  for (size_t i = 0; i < wanted; i++) worker->visited[query->probes[i] / 64] |= UINT64_C(1) << query->probes[i] % 64;
  count_live(worker);
  kernels->int8_tile(index->centroid_codes, padded / 16, index->groups, query->head_code, &query->head_sum, 1,
                     worker->raw, padded);
  kernels->group_maxima(worker->raw, index->centroid_bias, padded, query->head_step, worker->list_scores,
                        worker->list_maxima);
  // Lists without a live entry in their sample are left out: what may be in them is little.
  size_t others = 0;
  for (uint32_t l = 0; l < lists; l++) {
    if ((worker->visited[l / 64] >> l % 64 & 1) != 0 || worker->live_counts[l] == 0) continue;
    worker->pair_scores[others] = worker->list_scores[l], worker->further[others++] = l;
  }
  // As many of the nearest as hold three times what a random filter would leave: this one is not random, and its rows
  // lie scattered around the far side.
  size_t missing = 3 * worker->plan->live_wanted - query->live_seen;
  for (size_t take = wanted + 8;; take *= 2) {
    float least;
    memcpy(worker->list_scores, worker->pair_scores, others * sizeof(float));
    memcpy(worker->list_ids, worker->further, others * sizeof(uint32_t));
    size_t found = loci_keep_best(kernels, worker->list_scores, worker->list_ids, others, take, 0, &least), live = 0;
    for (size_t i = 0; i < found; i++) live += worker->live_counts[worker->list_ids[i]];
    if (live < missing && found < others) continue;
    loci_scan_single(worker, query, worker->list_ids, found);
    return;
  }
}
