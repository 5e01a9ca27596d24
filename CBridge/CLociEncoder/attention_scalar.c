// The reference for attention. softmax₂ is to the base 2, as the queries are scaled for.
#include "levels.h"
#include "product.h"

#include <math.h>

#pragma clang fp contract(off)

size_t loci_encoder_attention_scratch(size_t length, size_t dimension) {
  size_t padded = loci_round_up(length, LOCI_KEY_PANEL), deep = loci_round_up(dimension, 16);
  return padded * (deep + loci_round_up(deep, 32) + 2 * LOCI_QUERY_ROWS) * sizeof(float);
}

static float element(const void *rows, size_t at, bool half) {
  return half ? loci_from_bf16(((const uint16_t *)rows)[at]) : ((const float *)rows)[at];
}

static void attend(const loci_encoder_attention *a, bool half) {
  float *scores = a->scratch;
  for (size_t q = 0; q < a->length; q++) {
    float highest = -INFINITY, total = 0;
    for (size_t k = 0; k < a->length; k++) {
      float sum = 0;
      for (size_t i = 0; i < a->dimension; i++) {
        sum += element(a->query, q * a->stride + i, half) * element(a->key, k * a->stride + i, half);
      }
      scores[k] = sum;
      highest = sum > highest ? sum : highest;
    }
    for (size_t k = 0; k < a->length; k++) total += scores[k] = exp2f(scores[k] - highest);
    for (size_t i = 0; i < a->dimension; i++) {
      float sum = 0;
      for (size_t k = 0; k < a->length; k++) {
        float weight = half ? loci_from_bf16(loci_to_bf16(scores[k])) : scores[k];
        sum += weight * element(a->value, k * a->stride + i, half);
      }
      sum /= total;
      size_t at = q * a->out_stride + i;
      if (a->half_out) {
        ((uint16_t *)a->out)[at] = loci_to_bf16(sum);
      } else {
        ((float *)a->out)[at] = sum;
      }
    }
  }
}

void loci_scalar_attention_f32(const loci_encoder_attention *a) { attend(a, false); }
void loci_scalar_attention_bf16(const loci_encoder_attention *a) { attend(a, true); }
