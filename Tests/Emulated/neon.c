// The NEON level against float64 sums: products with every epilogue, and attention, at sizes around the vectors and the
// tiles. Built for aarch64 and run under emulation by scripts/check-neon. Exits with 1 when they differ.

#include "loci_encoder_kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 1;

static float *numbers(size_t count) {
  float *out = malloc((count + 1) * sizeof *out);
  for (size_t i = 0; i < count; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    out[i] = (float)((double)(state >> 33) / (1u << 30) - 1.0);
  }
  return out;
}

static void pack(const float *weight, size_t depth, size_t columns, const loci_encoder_kernels *k, float *out) {
  for (size_t first = 0; first < columns; first += k->panel) {
    size_t width = (columns - first + k->panel_unit - 1) / k->panel_unit * k->panel_unit;
    if (width > k->panel) width = k->panel;
    for (size_t i = 0; i < depth; i++) {
      for (size_t c = first; c < first + width; c++) *out++ = c < columns ? weight[c * depth + i] : 0;
    }
  }
}

static double finished(double sum, loci_encoder_epilogue epilogue, double old) {
  if (epilogue == LOCI_ENCODER_GELU) return sum * 0.5 * erfc(-sum / sqrt(2));
  return epilogue == LOCI_ENCODER_ADD ? sum + old : sum;
}

static double product_error(
    const loci_encoder_kernels *k, size_t rows, size_t columns, size_t depth, loci_encoder_epilogue epilogue) {
  float *in = numbers(rows * depth), *weight = numbers(columns * depth), *bias = numbers(columns + 64);
  float *out = numbers(rows * columns), *old = malloc((rows * columns + 1) * sizeof *old);
  float *panels = calloc((columns + 64) * depth, sizeof *panels);
  memcpy(old, out, rows * columns * sizeof *old);
  pack(weight, depth, columns, k, panels);
  loci_encoder_product p = {
      .in = in, .rows = rows, .in_stride = depth, .depth = depth, .columns = columns, .panels = panels, .bias = bias,
      .panel_to = (columns + k->panel - 1) / k->panel, .epilogue = epilogue, .out = out, .out_stride = columns};
  k->product_f32(&p);
  double worst = 0;
  for (size_t r = 0; r < rows; r++) {
    for (size_t c = 0; c < columns; c++) {
      double sum = bias[c];
      for (size_t i = 0; i < depth; i++) sum += (double)in[r * depth + i] * weight[c * depth + i];
      double wanted = finished(sum, epilogue, old[r * columns + c]);
      double error = fabs(out[r * columns + c] - wanted) / (1 + fabs(wanted));
      if (!(error <= worst)) worst = error;
    }
  }
  free(in), free(weight), free(bias), free(out), free(old), free(panels);
  return worst;
}

static double attention_error(const loci_encoder_kernels *k, size_t length, size_t dimension) {
  size_t stride = 3 * dimension + 3, bytes = loci_encoder_attention_scratch(length, dimension);
  float *rows = numbers(length * stride + 64), *out = numbers(length * dimension);
  void *scratch = aligned_alloc(64, bytes);
  memset(scratch, 0xFF, bytes);  // not numbers
  loci_encoder_attention a = {
      .query = rows, .key = rows + dimension, .value = rows + 2 * dimension, .stride = stride, .length = length,
      .dimension = dimension, .out = out, .out_stride = dimension, .scratch = scratch};
  k->attention_f32(&a);
  double worst = 0, *powers = malloc(length * sizeof *powers);
  for (size_t q = 0; q < length; q++) {
    double total = 0;
    for (size_t i = 0; i < length; i++) {
      double score = 0;
      const float *query = rows + q * stride, *key = rows + i * stride + dimension;
      for (size_t d = 0; d < dimension; d++) score += (double)query[d] * key[d];
      total += powers[i] = exp2(score);
    }
    for (size_t d = 0; d < dimension; d++) {
      double wanted = 0;
      for (size_t i = 0; i < length; i++) wanted += powers[i] / total * rows[i * stride + 2 * dimension + d];
      double error = fabs(out[q * dimension + d] - wanted);
      if (!(error <= worst)) worst = error;
    }
  }
  free(rows), free(out), free(scratch), free(powers);
  return worst;
}

int main(void) {
  const loci_encoder_kernels *k = loci_encoder_kernels_get(LOCI_ENCODER_NEON);
  static const size_t rows[] = {0, 1, 3, 7, 8, 9, 15, 17, 33}, depths[] = {1, 3, 7, 8, 16, 17, 65, 384};
  static const size_t columns[] = {1, 3, 7, 8, 11, 12, 13, 15, 16, 17, 31, 33, 48, 65};
  static const size_t lengths[] = {1, 2, 7, 8, 9, 16, 17, 33, 65, 100}, dimensions[] = {1, 3, 4, 8, 17, 32, 33, 64};
  double product = 0, attention = 0;
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
      for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
        for (int32_t e = LOCI_ENCODER_STORE; e <= LOCI_ENCODER_ADD; e++) {
          product = fmax(product, product_error(k, rows[r], columns[c], depths[d], (loci_encoder_epilogue)e));
        }
      }
    }
  }
  for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
    for (size_t d = 0; d < sizeof dimensions / sizeof *dimensions; d++) {
      attention = fmax(attention, attention_error(k, lengths[l], dimensions[d]));
    }
  }
  printf("level %d: products differ by at most %.1e, attention by %.1e\n", k->isa, product, attention);
  return k->isa == LOCI_ENCODER_NEON && product < 3e-5 && attention < 1e-5 ? 0 : 1;
}
