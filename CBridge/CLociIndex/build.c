// From rows to an image.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "loci_math.h"

enum { TASK_ROWS = 1024 };

// MARK: int8 rows

typedef struct rows_job {
  const loci_build *b;
  uint8_t *rows;
  float *terms;
  double *errors;  // one a task
  bool failed;
} rows_job;

static void quantise_rows(void *argument, size_t task) {
  rows_job *job = argument;
  const loci_build *b = job->b;
  size_t d = b->d, row_bytes = loci_round_up(d, 64);
  size_t first = task * TASK_ROWS, last = first + TASK_ROWS < b->n ? first + TASK_ROWS : b->n;
  float *x = malloc(d * sizeof *x);
  if (x == NULL) {
    __atomic_store_n(&job->failed, true, __ATOMIC_RELAXED);
    return;
  }
  double error = 0;
  for (size_t i = first; i < last; i++) {
    loci_build_row(b, i, x);
    float greatest = 0;
    double squared = 0;
    for (size_t j = 0; j < d; j++) {
      greatest = fmaxf(greatest, fabsf(x[j]));
      squared += (double)x[j] * x[j];
    }
    float inverse = greatest > 0 ? 127 / greatest : 0, step = greatest / 127;
    uint8_t *row = job->rows + i * row_bytes;
    for (size_t j = 0; j < d; j++) {
      float value = x[j] * inverse;
      int code = (int)(value + (value >= 0 ? 0.5f : -0.5f));
      row[j] = (uint8_t)(code + 128);
      error += (double)(x[j] - (float)code * step) * (x[j] - (float)code * step);
    }
    memset(row + d, 128, row_bytes - d);
    job->terms[2 * i] = step;
    job->terms[2 * i + 1] = b->options->metric == LOCI_INDEX_EUCLIDEAN ? (float)(-squared / 2) : 0;
  }
  job->errors[task] = error;
  free(x);
}

static loci_index_status build_rows(const loci_build *b, uint8_t *rows, float *terms) {
  size_t tasks = (b->n + TASK_ROWS - 1) / TASK_ROWS;
  rows_job job = {.b = b, .rows = rows, .terms = terms, .errors = calloc(tasks, sizeof(double))};
  if (job.errors == NULL) return LOCI_INDEX_OUT_OF_MEMORY;
  loci_for_each(b->pool, tasks, quantise_rows, &job);
  double error = 0;
  for (size_t t = 0; t < tasks; t++) error += job.errors[t];
  b->report->int8_error = b->mean_squared > 0 ? error / (double)b->n / b->mean_squared : 0;
  free(job.errors);
  return job.failed ? LOCI_INDEX_OUT_OF_MEMORY : LOCI_INDEX_OK;
}

// MARK: Lists

// Sorts entries by list, each list filled up to a whole block.
static loci_index_status lay_lists(loci_build *b, uint32_t *blocks, uint32_t *counts, uint32_t **entries) {
  memset(counts, 0, b->lists * sizeof *counts);
  for (size_t i = 0; i < b->n; i++) {
    counts[b->nearest[i]]++;
    if (b->second != NULL) counts[b->second[i]]++;
  }
  blocks[0] = 0;
  for (size_t l = 0; l < b->lists; l++) blocks[l + 1] = blocks[l] + (counts[l] + 31) / 32;
  uint32_t *rows = calloc(32 * (size_t)blocks[b->lists] + 1, sizeof *rows);
  size_t *at = malloc(b->lists * sizeof *at);
  if (rows == NULL || at == NULL) {
    free(rows), free(at);
    return LOCI_INDEX_OUT_OF_MEMORY;
  }
  for (size_t l = 0; l < b->lists; l++) at[l] = 32 * (size_t)blocks[l];
  for (size_t i = 0; i < b->n; i++) {
    rows[at[b->nearest[i]]++] = (uint32_t)i;
    if (b->second != NULL) rows[at[b->second[i]]++] = (uint32_t)i;
  }
  free(at);
  *entries = rows;
  return LOCI_INDEX_OK;
}

typedef struct codes_job {
  const loci_build *b;
  const uint32_t *blocks, *counts, *entries;
  uint8_t *codes, *plane;
  float *bias;
  double *residual, *error;  // one a list
  bool failed;
} codes_job;

static void encode_list(void *argument, size_t list) {
  codes_job *job = argument;
  const loci_build *b = job->b;
  size_t d = b->d, wide = b->subspaces * b->width, first = 32 * (size_t)job->blocks[list];
  size_t padded = 32 * (size_t)(job->blocks[list + 1] - job->blocks[list]);
  float *rows = malloc(8 * d * sizeof *rows), *rest = calloc(wide, sizeof *rest);
  float *heads = malloc((padded + 8) * b->head * sizeof *heads);
  uint8_t *codes = malloc(b->subspaces);
  const loci_kernels *math = loci_kernels_get(LOCI_ISA_AVX512);
  if (rows == NULL || rest == NULL || heads == NULL || codes == NULL) {
    __atomic_store_n(&job->failed, true, __ATOMIC_RELAXED);
    goto done;
  }
  const float *mean = b->means + list * d;
  for (size_t i = 0; i < job->counts[list]; i += 8) {
    size_t count = job->counts[list] - i < 8 ? job->counts[list] - i : 8;
    for (size_t r = 0; r < count; r++) loci_build_row(b, job->entries[first + i + r], rows + r * d);
    if (job->plane != NULL) {
      b->kernels->project(b->head_matrix, d, b->head / 16, rows, count, heads + i * b->head);
    }
    for (size_t r = 0; r < count; r++) {
      const float *x = rows + r * d;
      if (job->bias != NULL) job->bias[first + i + r] = -math->dot(x, x, d) / 2;
      for (size_t j = 0; j < d; j++) rest[j] = x[j] - mean[j];
      job->residual[list] += math->dot(rest, rest, d);
      loci_pq4_encode(b, rest, codes);
      for (size_t m = 0; m < b->subspaces; m++) {
        for (size_t j = 0; j < b->width; j++) {
          float e = rest[m * b->width + j] - b->codebook[(m * b->width + j) * 16 + codes[m]];
          job->error[list] += (double)e * e;
        }
      }
      uint8_t *block = job->codes + (first + i + r) / 32 * b->subspaces * 16;
      loci_pq4_store(codes, b->subspaces, block, (i + r) % 32);
    }
  }
  if (job->plane != NULL) {
    memset(job->plane + first * b->head, 128, padded * b->head);
    loci_pack_heads(heads, b->head_step, b->head, job->counts[list], job->plane + first * b->head);
  }
done:
  free(rows), free(rest), free(heads), free(codes);
}

// MARK: The whole

static void copy(uint8_t *image, const loci_image_header *h, loci_section section, const void *from) {
  memcpy(image + h->sections[section].offset, from, h->sections[section].length);
}

static loci_index_status fill(loci_build *b, void **result, size_t *bytes) {
  loci_image_header h = {.kind = LOCI_KIND_IVF, .n = b->n, .d = (uint32_t)b->d, .metric = b->options->metric,
                         .lists = (uint32_t)b->lists, .subspaces = (uint32_t)b->subspaces,
                         .width = (uint32_t)b->width, .head = (uint32_t)b->head};
  uint32_t *blocks = malloc((b->lists + 1) * sizeof *blocks), *counts = malloc(b->lists * sizeof *counts);
  uint32_t *entries = NULL;
  double *sums = calloc(2 * b->lists, sizeof *sums);
  loci_index_status status = LOCI_INDEX_OUT_OF_MEMORY;
  uint8_t *image = NULL;
  if (blocks == NULL || counts == NULL || sums == NULL) goto done;
  status = lay_lists(b, blocks, counts, &entries);
  if (status != LOCI_INDEX_OK) goto done;
  h.blocks = blocks[b->lists];
  h.points = b->options->tuning_queries != 0 ? LOCI_CURVE_POINTS_MAX : 0;
  image = loci_image_allocate(&h, b->options->batch_plane);
  status = LOCI_INDEX_OUT_OF_MEMORY;
  if (image == NULL) goto done;
  if (b->options->metric == LOCI_INDEX_INNER_PRODUCT) {
    // Rows went to the nearest centroid; queries go by the product.
    for (size_t l = 0; l < b->lists; l++) b->centroid_bias[l] = 0;
  }
  copy(image, &h, SECTION_ORIGIN, b->origin);
  copy(image, &h, SECTION_HEAD_MATRIX, b->head_matrix);
  copy(image, &h, SECTION_HEAD_STEP, b->head_step);
  copy(image, &h, SECTION_CENTROID_CODES, b->centroid_codes);
  copy(image, &h, SECTION_CENTROID_BIAS, b->centroid_bias);
  copy(image, &h, SECTION_MEANS, b->means);
  copy(image, &h, SECTION_LIST_BLOCKS, blocks);
  copy(image, &h, SECTION_LIST_COUNTS, counts);
  copy(image, &h, SECTION_ENTRY_ROWS, entries);
  copy(image, &h, SECTION_CODEBOOK, b->codebook);
  codes_job job = {.b = b, .blocks = blocks, .counts = counts, .entries = entries,
                   .codes = image + h.sections[SECTION_CODES].offset, .residual = sums,
                   .error = sums + b->lists};
  if (b->options->batch_plane) job.plane = image + h.sections[SECTION_PLANE].offset;
  if (h.sections[SECTION_ENTRY_BIAS].length != 0) {
    job.bias = (float *)(void *)(image + h.sections[SECTION_ENTRY_BIAS].offset);
  }
  loci_for_each(b->pool, b->lists, encode_list, &job);
  if (job.failed) goto done;
  double residual = 0, error = 0, total = b->mean_squared * (double)b->n * (b->second != NULL ? 2 : 1);
  for (size_t l = 0; l < b->lists; l++) residual += sums[l], error += sums[b->lists + l];
  b->report->residual_error = total > 0 ? residual / total : 0;
  b->report->code_error = total > 0 ? error / total : 0;
  status = build_rows(b, image + h.sections[SECTION_ROWS].offset,
                      (float *)(void *)(image + h.sections[SECTION_ROW_TERMS].offset));
  if (status == LOCI_INDEX_OK && loci_cancelled(b)) status = LOCI_INDEX_CANCELLED;
  if (status == LOCI_INDEX_OK && h.points != 0) {
    double start = loci_seconds();
    status = loci_build_curve(b, image, &h);
    b->report->seconds_tune = loci_seconds() - start;
  }
  if (status != LOCI_INDEX_OK) goto done;
  loci_image_seal(image, &h);
  *result = image;
  *bytes = h.bytes;
  image = NULL;
done:
  free(blocks), free(counts), free(entries), free(sums), free(image);
  return status;
}

// 4-bit codes of four dimensions each, wider ones beyond 192 of them.
static uint32_t automatic_width(size_t d) {
  uint32_t width = d <= 64 ? 2 : 4;
  while ((d + width - 1) / width > 192) width *= 2;
  return width;
}

// About 100 rows a list, rounded to a power of two: lists and queries cost about the same then.
static uint32_t automatic_lists(size_t n) {
  uint32_t lists = 16;
  while ((uint64_t)lists * 2 * 72 <= n && lists < 65536) lists *= 2;
  return lists;
}

static loci_index_status hold_out(loci_build *b) {
  size_t wanted = b->options->tuning_queries;
  b->held_out_count = wanted < b->n ? wanted : b->n;
  b->held_out = malloc((b->held_out_count + 1) * sizeof *b->held_out);
  if (b->held_out == NULL) return LOCI_INDEX_OUT_OF_MEMORY;
  loci_random random = {b->options->seed ^ 0x74756e65};
  loci_random_sample(&random, b->n, b->held_out_count, b->held_out);
  return LOCI_INDEX_OK;
}

loci_index_status loci_ivf_build(const float *rows, size_t n, size_t d, const loci_index_build_options *given,
                                 const loci_index_pool *pool, void **image, size_t *bytes,
                                 loci_index_build_report *report) {
  *image = NULL;
  *bytes = 0;
  *report = (loci_index_build_report){0};
  loci_index_build_options options = *given;
  if (n == 0 || n >= 1u << 31 || d == 0 || d > 4096 || options.assignments > 2 || options.head % 16 != 0 ||
      options.subspace_width > 64)
    return LOCI_INDEX_BAD_ARGUMENT;
  if (options.soar_lambda < 0) options.soar_lambda = 1;
  loci_build b = {.input = rows, .n = n, .d = d, .options = &options, .pool = pool, .report = report,
                  .kernels = loci_index_kernels_get(LOCI_INDEX_ISA_AVX512)};
  b.lists = options.lists != 0 ? options.lists : automatic_lists(n);
  if (b.lists > n) b.lists = n;
  b.lists_padded = loci_round_up(b.lists, 128);
  b.width = options.subspace_width != 0 ? options.subspace_width : automatic_width(d);
  b.subspaces = loci_round_up((d + b.width - 1) / b.width, 4);
  report->lists = (uint32_t)b.lists;
  if (b.subspaces > 1040) return LOCI_INDEX_BAD_ARGUMENT;
  double start = loci_seconds(), now;
  loci_index_status status = hold_out(&b);
  if (status == LOCI_INDEX_OK) status = loci_build_head(&b);
  if (status == LOCI_INDEX_OK) status = loci_build_centroids(&b);
  report->seconds_kmeans = (now = loci_seconds()) - start, start = now;
  if (status == LOCI_INDEX_OK) status = loci_build_assign(&b);
  report->seconds_assign = (now = loci_seconds()) - start, start = now;
  if (status == LOCI_INDEX_OK) status = loci_build_codebook(&b);
  if (status == LOCI_INDEX_OK) status = fill(&b, image, bytes);
  report->seconds_codes = loci_seconds() - start - report->seconds_tune;
  free(b.origin), free(b.head_matrix), free(b.head_step), free(b.centroids), free(b.centroid_codes);
  free(b.centroid_bias), free(b.nearest), free(b.second), free(b.means), free(b.codebook), free(b.held_out);
  return status;
}

loci_index_status loci_flat_build(const float *rows, size_t n, size_t d, loci_index_metric metric,
                                  const loci_index_pool *pool, void **result, size_t *bytes) {
  *result = NULL;
  *bytes = 0;
  loci_image_header h = {.kind = LOCI_KIND_FLAT, .n = n, .d = (uint32_t)d, .metric = metric};
  uint64_t lengths[SECTIONS];
  if (d > 4096 || !loci_image_lengths(&h, lengths)) return LOCI_INDEX_BAD_ARGUMENT;
  uint8_t *image = loci_image_allocate(&h, false);
  if (image == NULL) return LOCI_INDEX_OUT_OF_MEMORY;
  loci_index_build_options options = {.metric = metric};
  loci_index_build_report report = {0};
  loci_build b = {.input = rows, .n = n, .d = d, .options = &options, .pool = pool, .report = &report,
                  .origin = (float *)(void *)(image + h.sections[SECTION_ORIGIN].offset)};
  loci_index_status status = build_rows(&b, image + h.sections[SECTION_ROWS].offset,
                                        (float *)(void *)(image + h.sections[SECTION_ROW_TERMS].offset));
  if (status != LOCI_INDEX_OK) {
    free(image);
    return status;
  }
  loci_image_seal(image, &h);
  *result = image;
  *bytes = h.bytes;
  return LOCI_INDEX_OK;
}
