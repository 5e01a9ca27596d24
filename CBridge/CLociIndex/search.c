// The plan of a search, its workers, and what is guaranteed: as many results as there are live rows, up to k.
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "search.h"

// Up to SINGLE_MAX queries go one by one: list by list does not pay for so few.
enum { QUERIES_AT_ONCE = 1024, SINGLE_MAX = 4, RESERVOIR_BYTES_MAX = 64 << 20 };

// MARK: Plan

// A row scored by its int8 code costs about as much as this many 4-bit codes scanned under a filter.
static const double row_cost = 4;
// Under a filter that keeps the share s, s^-exponent times as many lists are probed.
static const double probes_exponent = 0.3;

static size_t count_live(const uint64_t *live, size_t n) {
  if (live == NULL) return n;
  size_t count = 0;
  for (size_t word = 0; word < n / 64; word++) count += (size_t)__builtin_popcountll(live[word]);
  if (n % 64 != 0) count += (size_t)__builtin_popcountll(live[n / 64] & ((UINT64_C(1) << (n % 64)) - 1));
  return count;
}

static float recall_of(const loci_index_curve_point *point, const loci_index_parameters *p) {
  return p->originals != NULL ? point->originals_recall : point->recall;
}

// The cheapest measured setting that reaches the recall; the most thorough one if none does.
static const loci_index_curve_point *curve_point(const loci_index *index, const loci_index_parameters *p,
                                                 bool batch) {
  const loci_index_curve_point *found = NULL;
  for (uint32_t i = 0; i < index->header.points; i++) {
    const loci_index_curve_point *point = &index->curve[i];
    if ((point->batch != 0) != batch) continue;
    found = point;
    if (recall_of(point, p) >= p->recall) break;
  }
  return found;
}

static float expected_recall(const loci_index *index, const loci_index_parameters *p, const loci_plan *plan,
                             bool batch) {
  float recall = 0;
  for (uint32_t i = 0; i < index->header.points; i++) {
    const loci_index_curve_point *point = &index->curve[i];
    if ((point->batch != 0) == batch && point->probes <= plan->probes && point->candidates <= plan->candidates)
      recall = fmaxf(recall, recall_of(point, p));
  }
  return recall;
}

static loci_plan make_plan(const loci_index *index, const loci_index_parameters *p, size_t m,
                           loci_index_statistics *statistics) {
  bool batch = m > SINGLE_MAX && !p->single_path;
  size_t n = index->header.n, lists = index->header.lists;
  loci_plan plan = {.k = p->k < n ? p->k : n, .live_count = count_live(p->live, n)};
  plan.ranked = p->originals == NULL ? 0 : p->originals_ranked != 0 ? p->originals_ranked : plan.k + plan.k / 2 + 6;
  if (plan.ranked != 0 && plan.ranked < plan.k) plan.ranked = plan.k;
  if (plan.ranked > n) plan.ranked = n;
  size_t least = plan.k > plan.ranked ? plan.k : plan.ranked;
  const loci_index_curve_point *point = curve_point(index, p, batch);
  plan.probes = p->probes != 0 ? p->probes : point != NULL ? point->probes : lists / 32 + 8;
  plan.candidates = p->candidates != 0 ? p->candidates : point != NULL ? point->candidates : 10 * plan.k;
  if (p->candidates == 0 && plan.k > 10) plan.candidates = plan.candidates * plan.k / 10;
  if (plan.probes > lists) plan.probes = lists;
  if (lists != 0 && plan.probes == 0) plan.probes = 1;
  // Each row may be there twice.
  if (plan.candidates < 2 * least) plan.candidates = 2 * least;
  if (plan.candidates > 2 * n) plan.candidates = 2 * n;
  statistics->expected_recall = expected_recall(index, p, &plan, batch);
  // Under a filter the k-th neighbour is farther away: more lists, or, when that costs more, every live row.
  if (p->live != NULL && lists != 0 && plan.live_count < n) {
    double share = (double)plan.live_count / (double)n, mean = (double)index->header.blocks * 32 / (double)lists;
    double probes = (double)plan.probes * (share > 0 ? fmin(pow(share, -probes_exponent), 8) : 8);
    if (probes > (double)lists) probes = (double)lists;
    if ((double)plan.live_count * row_cost <= mean * probes || plan.live_count <= plan.candidates) plan.exact = true;
    // Live rows may lie elsewhere than the query's nearest lists: then it goes on until it has seen as many live
    // entries as these lists would have held on average.
    plan.live_wanted = (size_t)(0.75 * mean * probes * share);
    plan.probes = (size_t)probes;
  }
  if (lists == 0) plan.exact = true;
  if (plan.exact) plan.probes = 0, plan.candidates = least < n ? least : n, statistics->expected_recall = 1;
  statistics->probes = (uint32_t)plan.probes;
  statistics->candidates = (uint32_t)plan.candidates;
  return plan;
}

// MARK: Workers

enum { KEPT_BYTES_MAX = 16 << 20 };

typedef struct carve {
  char *base;
  size_t used;
} carve;

static void *take(carve *c, size_t count, size_t element) {
  size_t at = c->used;
  c->used += loci_round_up(count * element, 64);
  return c->base != NULL ? c->base + at : NULL;
}

// Lays the worker's memory out; with base NULL only measures it.
static void lay_out(loci_worker *w, carve *c, size_t longest) {
  const loci_image_header *h = &w->index->header;
  size_t wide = (size_t)h->subspaces * h->width > h->d ? (size_t)h->subspaces * h->width : h->d;
  size_t n = w->capacity, wanted = w->plan->candidates, room = loci_reservoir_capacity(wanted);
  size_t padded = w->index->lists_padded, table = (size_t)h->subspaces * 16;
  size_t chunk = loci_round_up(longest, 32);
  float *vectors = take(c, n * wide, 4), *heads = take(c, n * h->head, 4);
  int8_t *codes = take(c, n * h->head, 1);
  int8_t *planes = take(c, 2 * n * w->index->row_bytes, 1);
  uint32_t *probes = take(c, n * (w->plan->probes + 1), 4);
  float *scores = take(c, n * room, 4);
  uint32_t *ids = take(c, n * room, 4);
  w->raw = take(c, 8 * (padded > chunk ? padded : chunk), 4);
  w->sums = take(c, 4 * chunk, 2);
  w->tables = take(c, (n + 4) * table, 1);
  w->products = take(c, table, 4);
  w->list_scores = take(c, padded + LOCI_APPEND_SLACK, 4);
  w->list_maxima = take(c, padded / 8 + LOCI_APPEND_SLACK, 4);
  w->list_ids = take(c, padded + LOCI_APPEND_SLACK, 4);
  w->tile = take(c, 8 * h->head, 1);
  w->dots = take(c, 2 * wanted + LOCI_SCAN_CHUNK, 8);
  w->seen_size = 64;
  while (w->seen_size < 4 * wanted) w->seen_size *= 2;
  w->seen = take(c, w->seen_size, 4);
  w->table_steps = take(c, n, 4);
  w->table_bases = take(c, n, 4);
  w->starts = take(c, h->lists + 2, 4);
  w->order = take(c, n * (w->plan->probes + 1), 4);
  w->original = take(c, h->d, 4);
  w->visited = take(c, padded / 64 + 1, 8);
  w->further = take(c, padded, 4);
  w->queries = take(c, n, sizeof(loci_query));
  if (c->base == NULL) return;
  for (size_t q = 0; q < n; q++) {
    w->queries[q] = (loci_query){
        .vector = vectors + q * wide, .head = heads + q * h->head, .head_code = codes + q * h->head,
        .high = planes + 2 * q * w->index->row_bytes, .low = planes + (2 * q + 1) * w->index->row_bytes,
        .probes = probes + q * (w->plan->probes + 1),
        .found = {.scores = scores + q * room, .ids = ids + q * room, .wanted = wanted, .capacity = room}};
  }
}

// Kept memory if there is some that is large enough.
static loci_worker_memory *take_memory(const loci_index *index, size_t bytes) {
  loci_index *shared = (loci_index *)index;  // only `kept`, which is atomic
  for (int i = 0; i < LOCI_WORKERS_KEPT; i++) {
    loci_worker_memory *memory = atomic_exchange(&shared->kept[i], NULL);
    if (memory == NULL) continue;
    if (memory->bytes >= bytes) return memory;
    // Too small for this search, but not for the next single query.
    loci_worker_memory *none = NULL;
    if (!atomic_compare_exchange_strong(&shared->kept[i], &none, memory)) free(memory);
  }
  loci_worker_memory *memory = aligned_alloc(64, sizeof *memory + loci_round_up(bytes, 64));
  if (memory != NULL) memory->bytes = bytes;
  return memory;
}

static void give_memory(const loci_index *index, loci_worker_memory *memory) {
  loci_index *shared = (loci_index *)index;
  for (int i = 0; i < LOCI_WORKERS_KEPT && memory->bytes <= KEPT_BYTES_MAX; i++) {
    loci_worker_memory *none = NULL;
    if (atomic_compare_exchange_strong(&shared->kept[i], &none, memory)) return;
  }
  free(memory);
}

static bool worker_start(loci_worker *w, size_t longest) {
  carve c = {0};
  lay_out(w, &c, longest);
  w->memory = take_memory(w->index, c.used);
  if (w->memory == NULL) return false;
  c = (carve){.base = (char *)w->memory + sizeof *w->memory};
  lay_out(w, &c, longest);
  return true;
}

// MARK: Search

typedef struct job {
  const loci_index *index;
  const loci_index_parameters *parameters;
  const loci_plan *plan;
  const float *queries;
  size_t m, tasks, longest;
  uint32_t *rows, *counts;
  float *scores;
  loci_index_statistics *statistics;  // one each task
  loci_index_status *status;
} job;

// An exact pass for queries whose lists held too few live rows.
static void complete(loci_worker *worker, loci_query *query, const loci_plan *plan, uint32_t *rows, float *scores,
                     uint32_t *count) {
  size_t wanted = plan->k < plan->live_count ? plan->k : plan->live_count;
  if (*count >= wanted) return;
  loci_plan exact = *plan;
  exact.exact = true;
  worker->plan = &exact;
  query->found.count = 0;
  query->found.threshold = -INFINITY;
  loci_scan_rows(worker, query);
  *count = loci_rank(worker, query, rows, scores);
  worker->plan = plan;
}

static void search_chunk(loci_worker *worker, const job *j, size_t first, size_t count) {
  const loci_plan *plan = j->plan;
  loci_prepare_queries(worker, j->queries + first * j->index->header.d, count);
  bool single = j->m <= SINGLE_MAX || j->parameters->single_path;
  if (!plan->exact) {
    loci_choose_lists(worker, count);
    if (!single) loci_scan_batch(worker, count);
  }
  for (size_t q = 0; q < count; q++) {
    loci_query *query = &worker->queries[q];
    if (plan->exact) {
      loci_scan_rows(worker, query);
    } else if (single) {
      loci_scan_single(worker, query, query->probes, query->probe_count);
    }
    if (!plan->exact && worker->parameters->live != NULL) loci_scan_further(worker, query);
    size_t at = first + q;
    uint32_t *rows = j->rows + at * j->parameters->k;
    float *scores = j->scores + at * j->parameters->k;
    j->counts[at] = loci_rank(worker, query, rows, scores);
    complete(worker, query, plan, rows, scores, &j->counts[at]);
  }
}

static void run(void *argument, size_t task) {
  job *j = argument;
  size_t first = j->m * task / j->tasks, last = j->m * (task + 1) / j->tasks;
  size_t each = loci_reservoir_capacity(j->plan->candidates) * 8 + j->plan->probes * 8;
  size_t at_once = j->parameters->single_path ? 1 : QUERIES_AT_ONCE;
  if (at_once > RESERVOIR_BYTES_MAX / each) at_once = RESERVOIR_BYTES_MAX / each + 1;
  loci_worker worker = {.index = j->index, .parameters = j->parameters, .plan = j->plan,
                        .capacity = last - first < at_once ? last - first : at_once};
  if (!worker_start(&worker, j->longest)) {
    j->status[task] = LOCI_INDEX_OUT_OF_MEMORY;
    return;
  }
  for (size_t q = first; q < last; q += worker.capacity) {
    search_chunk(&worker, j, q, last - q < worker.capacity ? last - q : worker.capacity);
  }
  j->statistics[task] = worker.statistics;
  give_memory(j->index, worker.memory);
}

loci_index_status loci_index_search(const loci_index *index, const float *queries, size_t m,
                                    const loci_index_parameters *parameters, const loci_index_pool *pool,
                                    uint32_t *rows, float *scores, uint32_t *counts,
                                    loci_index_statistics *statistics) {
  *statistics = (loci_index_statistics){0};
  if (parameters->k == 0 || m == 0) {
    memset(counts, 0, m * sizeof *counts);
    return LOCI_INDEX_OK;
  }
  loci_plan plan = make_plan(index, parameters, m, statistics);
  size_t longest = index->longest > LOCI_SCAN_CHUNK ? index->longest : LOCI_SCAN_CHUNK;
  enum { TASKS_MAX = 64 };
  size_t tasks = pool->run == NULL ? 1 : pool->width;
  if (tasks > TASKS_MAX) tasks = TASKS_MAX;
  if (tasks > m) tasks = m;
  loci_index_statistics parts[TASKS_MAX] = {0};
  loci_index_status status[TASKS_MAX] = {LOCI_INDEX_OK};
  job j = {.index = index, .parameters = parameters, .plan = &plan, .queries = queries, .m = m, .tasks = tasks,
           .longest = longest, .rows = rows, .counts = counts, .scores = scores, .statistics = parts,
           .status = status};
  if (tasks == 1) {
    run(&j, 0);
  } else {
    pool->run(pool->context, tasks, run, &j);
  }
  for (size_t t = 0; t < tasks; t++) {
    if (status[t] != LOCI_INDEX_OK) return status[t];
    statistics->lists_probed += parts[t].lists_probed;
    statistics->codes_scanned += parts[t].codes_scanned;
    statistics->rows_ranked += parts[t].rows_ranked;
    statistics->originals_read += parts[t].originals_read;
  }
  return LOCI_INDEX_OK;
}
