// Product quantisation by itself, 4 or 8 bits a code, with OPQ's rotation.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "loci_math.h"

enum { WIDTH_MAX = 4096, BLOCK = 256 };

static bool valid(size_t n, size_t d, const loci_pq_options *o) {
  return n > 0 && d > 0 && d <= WIDTH_MAX && o->subspaces > 0 && d % o->subspaces == 0 &&
         (o->bits == 4 || o->bits == 8);
}

// The codeword nearest to x, the first of equal ones. codewords: [width][count]. sums: scratch (count).
static uint8_t nearest(const float *codewords, size_t width, size_t count, const float *x, float *sums,
                       float *distance) {
  for (size_t c = 0; c < count; c++) sums[c] = 0;
  for (size_t j = 0; j < width; j++) {
    const float *row = codewords + j * count;
    float value = x[j];
    for (size_t c = 0; c < count; c++) sums[c] += (value - row[c]) * (value - row[c]);
  }
  size_t best = 0;
  for (size_t c = 1; c < count; c++) best = sums[c] < sums[best] ? c : best;
  *distance = sums[best];
  return (uint8_t)best;
}

typedef struct subspaces_job {
  const float *rows;
  size_t n, d, width, count;
  const loci_pq_options *options;
  uint32_t iterations;
  bool starts;  // from chosen rows instead of the codebook as it is
  float *codebook;
  uint8_t *codes;  // (n, subspaces)
  double *errors;  // (subspaces)
  bool failed;
} subspaces_job;

static void train_subspace(void *argument, size_t m) {
  subspaces_job *job = argument;
  size_t width = job->width, count = job->count, d = job->d;
  float *codewords = job->codebook + m * width * count;
  const float *data = job->rows + m * width;
  float *sums = malloc(count * sizeof *sums);
  double *totals = malloc(count * width * sizeof *totals);
  size_t *sizes = malloc(count * sizeof *sizes);
  if (sums == NULL || totals == NULL || sizes == NULL) {
    __atomic_store_n(&job->failed, true, __ATOMIC_RELAXED);
    free(sums), free(totals), free(sizes);
    return;
  }
  loci_random random = {job->options->seed ^ (uint64_t)(m + 1) << 24};
  for (size_t c = 0; job->starts && c < count; c++) {
    size_t pick = loci_random_below(&random, job->n);
    for (size_t j = 0; j < width; j++) codewords[j * count + c] = data[pick * d + j];
  }
  for (uint32_t round = 0; round <= job->iterations; round++) {
    memset(totals, 0, count * width * sizeof *totals);
    memset(sizes, 0, count * sizeof *sizes);
    double error = 0;
    for (size_t i = 0; i < job->n; i++) {
      float distance;
      uint8_t code = nearest(codewords, width, count, data + i * d, sums, &distance);
      job->codes[i * job->options->subspaces + m] = code;
      error += distance;
      sizes[code]++;
      for (size_t j = 0; j < width; j++) totals[j * count + code] += data[i * d + j];
    }
    job->errors[m] = error;
    if (round == job->iterations) break;  // codes and error are those of the codebook as it stays
    for (size_t c = 0; c < count; c++) {
      size_t pick = loci_random_below(&random, job->n);
      for (size_t j = 0; j < width; j++) {
        codewords[j * count + c] =
            sizes[c] != 0 ? (float)(totals[j * count + c] / (double)sizes[c]) : data[pick * d + j];
      }
    }
  }
  free(sums), free(totals), free(sizes);
}

static void look_up(const uint8_t *codes, size_t n, size_t d, const loci_pq_options *o, const float *codebook,
                    float *out) {
  size_t width = d / o->subspaces, count = (size_t)1 << o->bits;
  for (size_t i = 0; i < n; i++) {
    for (size_t m = 0; m < o->subspaces; m++) {
      size_t code = codes[i * o->subspaces + m] & (count - 1);
      for (size_t j = 0; j < width; j++) out[i * d + m * width + j] = codebook[(m * width + j) * count + code];
    }
  }
}

loci_index_status loci_pq_train(const float *rows, size_t n, size_t d, const loci_pq_options *o,
                                const loci_index_pool *pool, float *codebook, float *rotation, double *error) {
  *error = 0;
  if (!valid(n, d, o) || (o->rotations > 0 && rotation == NULL)) return LOCI_INDEX_BAD_ARGUMENT;
  uint32_t iterations = o->iterations != 0 ? o->iterations : 16;
  double *errors = calloc(o->subspaces, sizeof *errors), squared = 0;
  uint8_t *codes = malloc(n * o->subspaces);
  float *rotated = o->rotations > 0 ? malloc(n * d * sizeof *rotated) : NULL;
  float *decoded = o->rotations > 0 ? malloc(n * d * sizeof *decoded) : NULL;
  loci_index_status status = LOCI_INDEX_OUT_OF_MEMORY;
  if (errors == NULL || codes == NULL || (o->rotations > 0 && (rotated == NULL || decoded == NULL))) goto done;
  for (size_t i = 0; i < n * d; i++) squared += (double)rows[i] * rows[i];
  subspaces_job job = {.rows = rows, .n = n, .d = d, .width = d / o->subspaces, .count = (size_t)1 << o->bits,
                       .options = o, .iterations = iterations, .starts = true, .codebook = codebook,
                       .codes = codes, .errors = errors};
  for (size_t i = 0; o->rotations > 0 && i < d * d; i++) rotation[i] = i % (d + 1) == 0;
  for (uint32_t round = 0; round < o->rotations; round++) {
    loci_multiply(rows, rotation, n, d, d, false, rotated);
    job.rows = rotated;
    job.iterations = round == 0 ? iterations : 2;
    loci_for_each(pool, o->subspaces, train_subspace, &job);
    if (job.failed) goto done;
    job.starts = false;
    look_up(codes, n, d, o, codebook, decoded);
    // The rotation for which rows * rotation is nearest to what the codes stand for.
    loci_multiply(rows, decoded, d, n, d, true, rotation);
    if (!loci_nearest_rotation(rotation, d)) {
      status = LOCI_INDEX_LAPACK_FAILED;
      goto done;
    }
  }
  if (o->rotations > 0) {
    loci_multiply(rows, rotation, n, d, d, false, rotated);
    job.iterations = iterations;
  }
  loci_for_each(pool, o->subspaces, train_subspace, &job);
  if (job.failed) goto done;
  for (size_t m = 0; m < o->subspaces; m++) *error += errors[m];
  *error = squared > 0 ? *error / squared : 0;
  status = LOCI_INDEX_OK;
done:
  free(errors), free(codes), free(rotated), free(decoded);
  return status;
}

loci_index_status loci_pq_encode(const float *rows, size_t n, size_t d, const loci_pq_options *o,
                                 const float *codebook, const float *rotation, uint8_t *codes) {
  if (n == 0) return LOCI_INDEX_OK;
  if (!valid(n, d, o)) return LOCI_INDEX_BAD_ARGUMENT;
  size_t width = d / o->subspaces, count = (size_t)1 << o->bits;
  float *block = malloc(BLOCK * d * sizeof *block), sums[256], distance;
  if (block == NULL) return LOCI_INDEX_OUT_OF_MEMORY;
  for (size_t i = 0; i < n; i += BLOCK) {
    size_t some = n - i < BLOCK ? n - i : BLOCK;
    const float *from = rows + i * d;
    if (rotation != NULL) {
      loci_multiply(from, rotation, some, d, d, false, block);
      from = block;
    }
    for (size_t r = 0; r < some; r++) {
      for (size_t m = 0; m < o->subspaces; m++) {
        codes[(i + r) * o->subspaces + m] =
            nearest(codebook + m * width * count, width, count, from + r * d + m * width, sums, &distance);
      }
    }
  }
  free(block);
  return LOCI_INDEX_OK;
}

loci_index_status loci_pq_decode(const uint8_t *codes, size_t n, size_t d, const loci_pq_options *o,
                                 const float *codebook, const float *rotation, float *out) {
  if (n == 0) return LOCI_INDEX_OK;
  if (!valid(n, d, o)) return LOCI_INDEX_BAD_ARGUMENT;
  float *block = rotation != NULL ? malloc((BLOCK + d) * d * sizeof *block) : NULL;
  if (rotation != NULL && block == NULL) return LOCI_INDEX_OUT_OF_MEMORY;
  float *back = block != NULL ? block + BLOCK * d : NULL;
  for (size_t a = 0; back != NULL && a < d; a++) {
    for (size_t b = 0; b < d; b++) back[a * d + b] = rotation[b * d + a];
  }
  for (size_t i = 0; i < n; i += BLOCK) {
    size_t some = n - i < BLOCK ? n - i : BLOCK;
    look_up(codes + i * o->subspaces, some, d, o, codebook, block != NULL ? block : out + i * d);
    if (block != NULL) loci_multiply(block, back, some, d, d, false, out + i * d);
  }
  free(block);
  return LOCI_INDEX_OK;
}
