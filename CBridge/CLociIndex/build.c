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
  float *steps, *bias;  // `bias` NULL unless Euclidean
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
    double bias = 0;
    for (size_t j = 0; j < d; j++) greatest = fmaxf(greatest, fabsf(x[j]));
    float inverse = greatest > 1e-30f ? 127 / greatest : 0, step = greatest / 127;
    uint8_t *row = job->rows + i * row_bytes;
    for (size_t j = 0; j < d; j++) {
      float value = x[j] * inverse;
      int code = (int)(value + (value >= 0 ? 0.5f : -0.5f));
      row[j] = (uint8_t)(code + 128);
      double back = (double)code * step, off = x[j] - back;
      error += off * off;
      bias += off * off - back * back;
    }
    memset(row + d, 128, row_bytes - d);
    job->steps[i] = step;
    if (job->bias != NULL) job->bias[i] = (float)(bias / 2);
  }
  job->errors[task] = error;
  free(x);
}

static loci_index_status build_rows(const loci_build *b, uint8_t *image, const loci_image_header *h) {
  size_t tasks = (b->n + TASK_ROWS - 1) / TASK_ROWS;
  rows_job job = {.b = b, .rows = image + h->sections[SECTION_ROWS].offset,
                  .steps = (float *)(void *)(image + h->sections[SECTION_ROW_STEPS].offset),
                  .errors = calloc(tasks, sizeof(double))};
  if (h->sections[SECTION_ROW_BIAS].length != 0) {
    job.bias = (float *)(void *)(image + h->sections[SECTION_ROW_BIAS].offset);
  }
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
  float *bias, *plane_bias;
  double *residual, *error;  // one a list
  bool failed;
} codes_job;

// Bias of a row of squared length `squared` with this head, by the code that loci_pack_heads gives it.
static float plane_bias(const loci_build *b, const float *head, float squared) {
  double sum = 0, inside = 0;
  for (size_t j = 0; j < b->head; j++) {
    float step = b->head_step[j], value = step > 0 ? fminf(127, fmaxf(-127, head[j] / step)) : 0;
    double back = (double)(int)(value + (value >= 0 ? 0.5f : -0.5f)) * step, off = head[j] - back;
    sum += off * off - back * back;
    inside += (double)head[j] * head[j];
  }
  return (float)((sum - fmax(0, squared - inside)) / 2);
}

// Sixteen rows of a list from its entry i on: 4-bit codes, heads, biases, errors.
static void encode_rows(codes_job *job, size_t list, size_t i, float *rows, float *columns, uint8_t *codes,
                        float *heads) {
  const loci_build *b = job->b;
  const loci_kernels *math = loci_kernels_get(LOCI_ISA_AVX512);
  size_t d = b->d, wide = b->subspaces * b->width, first = 32 * (size_t)job->blocks[list];
  size_t count = job->counts[list] - i < 16 ? job->counts[list] - i : 16;
  const float *mean = b->means + list * d;
  for (size_t r = 0; r < count; r++) loci_build_row(b, job->entries[first + i + r], rows + r * d);
  if (job->plane != NULL) b->kernels->project(b->head_matrix, d, b->head / 16, rows, count, heads + i * b->head);
  double residual = 0, error = 0;
  float bias[16] = {0};
  for (size_t r = 0; r < count; r++) {
    const float *x = rows + r * d;
    residual += math->squared_l2(x, mean, d);
    for (size_t j = 0; j < d; j++) columns[j * 16 + r] = x[j] - mean[j];
  }
  b->kernels->pq4_encode(b->codebook, b->subspaces, b->width, columns, codes);
  for (size_t j = 0; j < wide; j++) {
    const float *codewords = b->codebook + j * 16;
    const uint8_t *code = codes + j / b->width * 16;
    float sum = 0, middle = j < d ? mean[j] : 0;
    for (size_t r = 0; r < count; r++) {
      float e = columns[j * 16 + r] - codewords[code[r]], back = middle + codewords[code[r]];
      sum += e * e;
      bias[r] += e * e - back * back;
    }
    error += sum;
  }
  for (size_t r = 0; job->bias != NULL && r < count; r++) job->bias[first + i + r] = bias[r] / 2;
  for (size_t r = 0; job->plane_bias != NULL && r < count; r++) {
    job->plane_bias[first + i + r] = plane_bias(b, heads + (i + r) * b->head, math->dot(rows + r * d, rows + r * d, d));
  }
  for (size_t r = 0; r < count; r++) {
    uint8_t *block = job->codes + (first + i + r) / 32 * b->subspaces * 16;
    loci_pq4_store(codes, b->subspaces, r, block, (i + r) % 32);
  }
  job->residual[list] += residual;
  job->error[list] += error;
}

static void encode_list(void *argument, size_t list) {
  codes_job *job = argument;
  const loci_build *b = job->b;
  size_t d = b->d, wide = b->subspaces * b->width, first = 32 * (size_t)job->blocks[list];
  size_t padded = 32 * (size_t)(job->blocks[list + 1] - job->blocks[list]);
  float *rows = malloc(16 * d * sizeof *rows), *columns = calloc(16 * wide, sizeof *columns);
  float *heads = malloc((padded + 16) * b->head * sizeof *heads);
  uint8_t *codes = malloc(16 * b->subspaces);
  if (rows == NULL || columns == NULL || heads == NULL || codes == NULL) {
    __atomic_store_n(&job->failed, true, __ATOMIC_RELAXED);
  } else {
    for (size_t i = 0; i < job->counts[list]; i += 16) encode_rows(job, list, i, rows, columns, codes, heads);
    if (job->plane != NULL) {
      memset(job->plane + first * b->head, 128, padded * b->head);
      loci_pack_heads(heads, b->head_step, b->head, job->counts[list], job->plane + first * b->head);
    }
  }
  free(rows), free(columns), free(heads), free(codes);
}

// MARK: The whole

static void copy(uint8_t *image, const loci_image_header *h, loci_section section, const void *from) {
  memcpy(image + h->sections[section].offset, from, h->sections[section].length);
}

// Share of the residuals' energy that lies in the head, on a sample. The head is chosen by the variance of all rows;
// where that is the variance between clusters, it says little about neighbours within one.
static loci_index_status measure_head(loci_build *b) {
  enum { SAMPLE = 1024 };
  size_t d = b->d, count = b->n < SAMPLE ? b->n : SAMPLE;
  float *rest = malloc(d * sizeof *rest), *head = malloc(b->head * sizeof *head);
  if (rest == NULL || head == NULL) {
    free(rest), free(head);
    return LOCI_INDEX_OUT_OF_MEMORY;
  }
  double inside = 0, whole = 0;
  for (size_t i = 0; i < count; i++) {
    size_t row = i * b->n / count;
    loci_build_row(b, row, rest);
    for (size_t j = 0; j < d; j++) rest[j] -= b->means[b->nearest[row] * d + j];
    b->kernels->project(b->head_matrix, d, b->head / 16, rest, 1, head);
    for (size_t j = 0; j < d; j++) whole += (double)rest[j] * rest[j];
    for (size_t j = 0; j < b->head; j++) inside += (double)head[j] * head[j];
  }
  b->report->residual_head_energy = whole > 0 ? inside / whole : 1;
  free(rest), free(head);
  return LOCI_INDEX_OK;
}

static const double plane_energy_min = 0.65;

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
  status = measure_head(b);
  if (status == LOCI_INDEX_OK) status = lay_lists(b, blocks, counts, &entries);
  if (status != LOCI_INDEX_OK) goto done;
  h.blocks = blocks[b->lists];
  h.points = b->options->tuning_queries != 0 ? LOCI_CURVE_POINTS_MAX : 0;
  bool has_plane = b->options->batch_plane && b->report->residual_head_energy >= plane_energy_min;
  image = loci_image_allocate(&h, has_plane);
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
  if (has_plane) job.plane = image + h.sections[SECTION_PLANE].offset;
  if (h.sections[SECTION_PLANE_BIAS].length != 0) {
    job.plane_bias = (float *)(void *)(image + h.sections[SECTION_PLANE_BIAS].offset);
  }
  if (h.sections[SECTION_ENTRY_BIAS].length != 0) {
    job.bias = (float *)(void *)(image + h.sections[SECTION_ENTRY_BIAS].offset);
  }
  loci_for_each(b->pool, b->lists, encode_list, &job);
  if (job.failed) goto done;
  double residual = 0, error = 0, total = b->mean_squared * (double)b->n * (b->second != NULL ? 2 : 1);
  for (size_t l = 0; l < b->lists; l++) residual += sums[l], error += sums[b->lists + l];
  b->report->residual_error = total > 0 ? residual / total : 0;
  b->report->code_error = total > 0 ? error / total : 0;
  status = build_rows(b, image, &h);
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
  free(blocks), free(counts), free(entries), free(sums);
  loci_rows_free(image, h.bytes);
  return status;
}

// 4-bit codes of two dimensions each for few dimensions, of four for more, of even more beyond 192 codes.
static uint32_t automatic_width(size_t d) {
  uint32_t width = d <= 192 ? 2 : 4;
  while ((d + width - 1) / width > 192) width *= 2;
  return width;
}

// A power of two that gives about 100 rows a list, which costs lists and rows about the same; beyond a million rows
// it grows with the root of n, so that k-means, of order lists * samples, stays below n^1.5.
static uint32_t automatic_lists(size_t n) {
  uint32_t lists = 16;
  while ((uint64_t)lists * 144 <= n && (lists < 8192 || (double)lists / 4096 <= sqrt((double)n / 1e6))) lists *= 2;
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
  loci_index_status status = build_rows(&b, image, &h);
  if (status != LOCI_INDEX_OK) {
    loci_rows_free(image, h.bytes);
    return status;
  }
  loci_image_seal(image, &h);
  *result = image;
  *bytes = h.bytes;
  return LOCI_INDEX_OK;
}
