// One query: 4-bit codes list after list, and the exact scan of int8 rows.
#include <float.h>
#include <math.h>

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

static void prefetch_list(const loci_index *index, uint32_t list) {
  size_t block = index->list_blocks[list];
  const uint8_t *codes = index->codes + block * index->header.subspaces * 16;
  for (size_t i = 0; i < 16; i++) __builtin_prefetch(codes + i * 64);
  const float *mean = index->means + (size_t)list * index->header.d;
  for (size_t j = 0; j < index->header.d; j += 16) __builtin_prefetch(mean + j);
  __builtin_prefetch(index->entry_rows + block * 32);
}

void loci_scan_single(loci_worker *worker, loci_query *query) {
  const loci_index *index = worker->index;
  const loci_index_kernels *kernels = index->kernels;
  const loci_kernels *math = loci_kernels_get(LOCI_ISA_AVX512);
  size_t subspaces = index->header.subspaces, d = index->header.d;
  float base;
  kernels->pq4_products(index->codebook, subspaces, index->header.width, query->vector, worker->products);
  float step = kernels->pq4_quantise(worker->products, subspaces, worker->tables, &base);
  float highest = (float)(subspaces * 63) * step;
  loci_reservoir *found = &query->found;
  for (size_t i = 0; i < query->probe_count; i++) {
    if (i + 1 < query->probe_count) prefetch_list(index, query->probes[i + 1]);
    uint32_t list = query->probes[i];
    size_t block = index->list_blocks[list], count = index->list_counts[list];
    float term = math->dot(query->vector, index->means + list * d, d) + base;
    if (index->entry_bias == NULL && term + highest < found->threshold) continue;
    kernels->pq4_scan(index->codes + block * subspaces * 16, (count + 31) / 32, subspaces, worker->tables, 1,
                      worker->sums, 0);
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
  worker->statistics.lists_probed += query->probe_count;
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
      const float *terms = index->row_terms + 2 * (size_t)rows[i];
      scores[i] = (float)worker->dots[i] * query->step * terms[0] + terms[1];
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
