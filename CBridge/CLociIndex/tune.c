// The tuner: recall of settings on a sample of the rows, against an exact search in float32. Rows are their own
// nearest neighbours and are left out of both; they took no part in the training of the centroids, which would
// favour them (measured: 0.966 on such rows where others find 0.892).
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "loci_math.h"

// K results count; of int8 scores the best RANKED would be ranked by originals, and one more is the query itself.
enum { K = 10, RANKED = 21, ASKED = RANKED + 1, TASK_ROWS = 4096, BLOCK_ROWS = 64 };

typedef struct truth {
  float scores[K];
  uint32_t rows[K];
} truth;

typedef struct tuning {
  const loci_build *b;
  size_t m;
  const uint32_t *sample;
  float *queries;  // (m, d), origin subtracted, normalised
  truth *parts;    // (tasks, m)
  bool failed;
} tuning;

static void offer(truth *t, float score, uint32_t row) {
  if (!(score > t->scores[K - 1])) return;
  int at = K - 1;
  for (; at > 0 && t->scores[at - 1] < score; at--) {
    t->scores[at] = t->scores[at - 1], t->rows[at] = t->rows[at - 1];
  }
  t->scores[at] = score, t->rows[at] = row;
}

static void search_rows(void *argument, size_t task) {
  tuning *t = argument;
  const loci_build *b = t->b;
  const loci_kernels *math = loci_kernels_get(LOCI_ISA_AVX512);
  bool euclidean = b->options->metric == LOCI_INDEX_EUCLIDEAN;
  truth *mine = t->parts + task * t->m;
  for (size_t q = 0; q < t->m; q++) {
    for (int i = 0; i < K; i++) mine[q].scores[i] = -INFINITY, mine[q].rows[i] = UINT32_MAX;
  }
  float *rows = malloc(BLOCK_ROWS * b->d * sizeof *rows), *scores = malloc(BLOCK_ROWS * t->m * sizeof *scores);
  if (rows == NULL || scores == NULL) {
    __atomic_store_n(&t->failed, true, __ATOMIC_RELAXED);
    free(rows), free(scores);
    return;
  }
  size_t first = task * TASK_ROWS, last = first + TASK_ROWS < b->n ? first + TASK_ROWS : b->n;
  bool by_blas = loci_blas_is_fast();
  for (size_t i = first; i < last; i += BLOCK_ROWS) {
    size_t count = last - i < BLOCK_ROWS ? last - i : BLOCK_ROWS;
    float half[BLOCK_ROWS] = {0};
    for (size_t r = 0; r < count; r++) {
      loci_build_row(b, i + r, rows + r * b->d);
      if (euclidean) half[r] = math->dot(rows + r * b->d, rows + r * b->d, b->d) / 2;
    }
    if (by_blas) {
      loci_scores_matrix(t->queries, t->m, rows, count, b->d, scores, BLOCK_ROWS);
    } else {
      for (size_t q = 0; q < t->m; q++) {
        math->dot_rows(t->queries + q * b->d, rows, count, b->d, scores + q * BLOCK_ROWS);
      }
    }
    for (size_t q = 0; q < t->m; q++) {
      for (size_t r = 0; r < count; r++) {
        if (i + r != t->sample[q]) offer(&mine[q], scores[q * BLOCK_ROWS + r] - half[r], (uint32_t)(i + r));
      }
    }
  }
  free(rows), free(scores);
}

// The exact neighbours of each query, into parts[0 ..< m].
static loci_index_status find_truth(tuning *t) {
  size_t tasks = (t->b->n + TASK_ROWS - 1) / TASK_ROWS;
  t->parts = malloc(tasks * t->m * sizeof *t->parts);
  if (t->parts == NULL) return LOCI_INDEX_OUT_OF_MEMORY;
  loci_for_each(t->b->pool, tasks, search_rows, t);
  for (size_t task = 1; task < tasks; task++) {
    for (size_t q = 0; q < t->m; q++) {
      const truth *part = &t->parts[task * t->m + q];
      for (int i = 0; i < K; i++) offer(&t->parts[q], part->scores[i], part->rows[i]);
    }
  }
  return t->failed ? LOCI_INDEX_OUT_OF_MEMORY : LOCI_INDEX_OK;
}

typedef struct answers {
  uint32_t *rows, *counts;
  float *scores;
} answers;

static loci_index_status measure(const tuning *t, const loci_index *index, const float *input, bool batch,
                                 size_t probes, size_t candidates, answers *a, loci_index_curve_point *point) {
  loci_index_parameters p = {.k = ASKED, .probes = (uint32_t)probes, .candidates = (uint32_t)candidates,
                             .single_path = !batch};
  loci_index_statistics statistics;
  loci_index_status status = loci_index_search(index, input, t->m, &p, t->b->pool, a->rows, a->scores, a->counts,
                                               &statistics);
  if (status != LOCI_INDEX_OK) return status;
  size_t found = 0, within = 0, wanted = 0;
  for (size_t q = 0; q < t->m; q++) {
    const truth *exact = &t->parts[q];
    size_t place = 0;
    for (uint32_t i = 0; i < a->counts[q]; i++) {
      uint32_t row = a->rows[q * ASKED + i];
      if (row == t->sample[q]) continue;
      bool hit = false;
      for (int j = 0; j < K; j++) hit |= exact->rows[j] == row;
      found += hit && place < K;
      within += hit && place < RANKED;
      place++;
    }
    for (int j = 0; j < K; j++) wanted += exact->rows[j] != UINT32_MAX;
  }
  *point = (loci_index_curve_point){.batch = batch, .probes = (uint32_t)probes,
                                    .candidates = (uint32_t)candidates,
                                    .recall = wanted != 0 ? (float)found / (float)wanted : 1,
                                    .originals_recall = wanted != 0 ? (float)within / (float)wanted : 1};
  return LOCI_INDEX_OK;
}

// What a setting costs, in nanoseconds of a Zen 4 core; only the order matters.
static double cost_of(const loci_index *index, const loci_index_curve_point *point) {
  double entries = 32.0 * index->header.blocks * point->probes / index->header.lists;
  if (point->batch == 0) return entries * 0.011 * index->header.subspaces + 120.0 * point->probes + 35.0 * point->candidates;
  double scan = index->plane != NULL ? 0.005 * index->header.head : 0.009 * index->header.subspaces;
  return entries * scan + 40.0 * point->probes + 35.0 * point->candidates;
}

// Sorts by cost and drops what is no better than something cheaper. Returns how many are left.
static size_t keep_frontier(const loci_index *index, loci_index_curve_point *points, size_t count) {
  for (size_t i = 1; i < count; i++) {
    loci_index_curve_point point = points[i];
    size_t j = i;
    for (; j > 0 && cost_of(index, &points[j - 1]) > cost_of(index, &point); j--) points[j] = points[j - 1];
    points[j] = point;
  }
  float best = -1, best_with = -1;
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (points[i].recall <= best && points[i].originals_recall <= best_with) continue;
    best = fmaxf(best, points[i].recall), best_with = fmaxf(best_with, points[i].originals_recall);
    points[kept++] = points[i];
  }
  return kept;
}

static loci_index_status sweep(const tuning *t, const loci_index *index, const float *input, bool batch,
                               answers *a, loci_index_curve_point *out, size_t *count) {
  static const uint16_t candidate_steps[] = {48, 64, 96, 128, 192, 256, 384, 768};
  enum { STEPS = sizeof candidate_steps / sizeof *candidate_steps, MEASURED_MAX = 256 };
  loci_index_curve_point points[MEASURED_MAX];
  size_t measured = 0, lists = index->header.lists;
  for (size_t probes = 2; measured + STEPS <= MEASURED_MAX; probes += probes < 4 ? 1 : probes / 2 - probes / 2 % 2 ) {
    if (probes > lists) probes = lists;
    float before = -1;
    for (int s = 0; s < STEPS; s++) {
      if (loci_cancelled(t->b)) return LOCI_INDEX_CANCELLED;
      loci_index_curve_point *point = &points[measured];
      loci_index_status status = measure(t, index, input, batch, probes, candidate_steps[s], a, point);
      if (status != LOCI_INDEX_OK) return status;
      measured++;
      if (point->originals_recall < before + 0.001f) break;
      before = point->originals_recall;
    }
    if (before >= 0.9985f || probes == lists) break;
  }
  measured = keep_frontier(index, points, measured);
  // When there are too many, the one that gains least over the one before it goes.
  while (measured > LOCI_CURVE_POINTS_MAX / 2) {
    size_t least = 1;
    for (size_t i = 1; i < measured; i++) {
      if (points[i].recall - points[i - 1].recall < points[least].recall - points[least - 1].recall) least = i;
    }
    memmove(&points[least - 1], &points[least], (measured - least) * sizeof *points);
    measured--;
  }
  memcpy(out, points, measured * sizeof *points);
  *count = measured;
  return LOCI_INDEX_OK;
}

loci_index_status loci_build_curve(loci_build *b, uint8_t *image, loci_image_header *header) {
  loci_index index;
  loci_image_view(image, header, &index);
  index.header.points = 0;
  if (loci_image_check_lists(&index) != LOCI_INDEX_OK) return LOCI_INDEX_OUT_OF_BOUNDS;
  size_t m = b->held_out_count, single = 0, batch = 0;
  const uint32_t *sample = b->held_out;
  float *queries = malloc(m * b->d * sizeof *queries), *input = malloc(m * b->d * sizeof *input);
  tuning t = {.b = b, .m = m, .sample = sample, .queries = queries};
  answers a = {.rows = malloc(m * ASKED * sizeof(uint32_t)), .counts = malloc(m * sizeof(uint32_t)),
               .scores = malloc(m * ASKED * sizeof(float))};
  loci_index_curve_point *out = (loci_index_curve_point *)(void *)(image + header->sections[SECTION_CURVE].offset);
  loci_index_status status = LOCI_INDEX_OUT_OF_MEMORY;
  if (queries != NULL && input != NULL && a.rows != NULL && a.counts != NULL && a.scores != NULL) {
    for (size_t q = 0; q < m; q++) {
      loci_build_row(b, sample[q], queries + q * b->d);
      memcpy(input + q * b->d, b->input + (size_t)sample[q] * b->d, b->d * sizeof *input);
    }
    status = find_truth(&t);
    if (status == LOCI_INDEX_OK) status = sweep(&t, &index, input, false, &a, out, &single);
    if (status == LOCI_INDEX_OK) status = sweep(&t, &index, input, true, &a, out + single, &batch);
    header->points = (uint32_t)(single + batch);
    header->sections[SECTION_CURVE].length = header->points * sizeof *out;
  }
  loci_image_release(&index);
  free(queries), free(input), free(t.parts), free(a.rows), free(a.counts), free(a.scores);
  return status;
}
