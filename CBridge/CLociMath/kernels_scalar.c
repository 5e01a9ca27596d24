// The reference: one obvious loop each. Every other level is tested against these.
#include <string.h>

#include "kernels.h"

static float dot(const float *a, const float *b, size_t n) {
  float sum = 0;
  for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

static float squared_l2(const float *a, const float *b, size_t n) {
  float sum = 0;
  for (size_t i = 0; i < n; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

static void dot_rows(const float *query, const float *rows, size_t n, size_t dim, float *scores) {
  for (size_t r = 0; r < n; r++) scores[r] = dot(query, rows + r * dim, dim);
}

static void negative_l2_rows(const float *query, const float *rows, size_t n, size_t dim, float *scores) {
  for (size_t r = 0; r < n; r++) scores[r] = -squared_l2(query, rows + r * dim, dim);
}

static void dot_rows_f16(const float *query, const uint16_t *rows, size_t n, size_t dim, float *scores) {
  for (size_t r = 0; r < n; r++) {
    float sum = 0;
    for (size_t i = 0; i < dim; i++) sum += query[i] * loci_f32_from_f16_one(rows[r * dim + i]);
    scores[r] = sum;
  }
}

static void negative_l2_rows_f16(const float *query, const uint16_t *rows, size_t n, size_t dim,
                                 float *scores) {
  for (size_t r = 0; r < n; r++) {
    float sum = 0;
    for (size_t i = 0; i < dim; i++) {
      float d = query[i] - loci_f32_from_f16_one(rows[r * dim + i]);
      sum += d * d;
    }
    scores[r] = -sum;
  }
}

float loci_f32_from_f16_one(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = (half >> 10) & 31, mantissa = half & 0x3ff;
  uint32_t bits;
  if (exponent == 31) {
    bits = 0x7f800000u | mantissa << 13 | (mantissa != 0 ? 0x00400000u : 0);
  } else if (exponent != 0) {
    bits = (exponent + 112) << 23 | mantissa << 13;
  } else if (mantissa == 0) {
    bits = 0;
  } else {  // subnormal: mantissa * 2^-24, normal in float32
    uint32_t shift = (uint32_t)__builtin_clz(mantissa) - 21;
    bits = (113 - shift) << 23 | ((mantissa << shift) & 0x3ff) << 13;
  }
  bits |= sign;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

uint16_t loci_f16_from_f32_one(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000u) return sign | 0x7e00 | (uint16_t)(magnitude >> 13 & 0x1ff);
  if (magnitude >= 0x477ff000u) return sign | 0x7c00;  // 65520 and more round to infinity
  uint32_t whole, rest, half_step;
  if (magnitude >= 0x38800000u) {  // normal: drop 13 bits
    whole = (magnitude - 0x38000000u) >> 13, rest = magnitude & 0x1fff, half_step = 0x1000;
  } else if (magnitude > 0x33000000u) {  // above half of the least subnormal: the mantissa in units of 2^-24
    uint32_t shift = 126 - (magnitude >> 23), mantissa = (magnitude & 0x7fffff) | 0x800000;
    whole = mantissa >> shift, rest = mantissa & ((1u << shift) - 1), half_step = 1u << (shift - 1);
  } else {
    return sign;
  }
  // A carry out of the mantissa moves into the exponent, which is the right answer.
  whole += rest > half_step || (rest == half_step && (whole & 1));
  return sign | (uint16_t)whole;
}

static void f32_from_f16(const uint16_t *in, float *out, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = loci_f32_from_f16_one(in[i]);
}

static void f16_from_f32(const float *in, uint16_t *out, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = loci_f16_from_f32_one(in[i]);
}

static bool all_finite(const float *a, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint32_t bits;
    memcpy(&bits, a + i, sizeof bits);
    if ((bits & 0x7f800000u) == 0x7f800000u) return false;
  }
  return true;
}

static size_t select_at_least(const float *scores, size_t n, float threshold, uint32_t *positions) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    if (scores[i] >= threshold) positions[count++] = (uint32_t)i;
  }
  return count;
}

const loci_kernels loci_kernels_scalar = {
    .isa = LOCI_ISA_SCALAR,
    .dot = dot,
    .squared_l2 = squared_l2,
    .dot_rows = dot_rows,
    .negative_l2_rows = negative_l2_rows,
    .dot_rows_f16 = dot_rows_f16,
    .negative_l2_rows_f16 = negative_l2_rows_f16,
    .f32_from_f16 = f32_from_f16,
    .f16_from_f32 = f16_from_f32,
    .all_finite = all_finite,
    .select_at_least = select_at_least,
};
