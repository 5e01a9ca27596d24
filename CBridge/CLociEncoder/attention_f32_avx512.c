#if defined(__x86_64__)
#include "levels.h"
#include "product.h"

#include <immintrin.h>
#include <math.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#include "math_avx512.h"
#include "tile_f32_avx512.h"
#include "transpose_avx512.h"

LOCI_INLINE void store_half(uint16_t *out, __mmask16 mask, __m512 sum) {
  float numbers[16];
  _mm512_storeu_ps(numbers, sum);
  for (int i = 0; i < 16; i++) {
    if (mask >> i & 1) out[i] = loci_to_bf16(numbers[i]);
  }
}

#define HALF 0
#define ELEMENT float
#define MULTIPLY multiply_f32
#define POWER power_exact
#define STORE_WEIGHTS(at, power) _mm512_store_ps(at, power)
#define STORE_HALF store_half
// Values are read where they are.
#define PACK_VALUES(a, parts) (void)0
#define VALUES(a, parts, column) ((const float *)(a)->value + (column))
#define VALUE_STRIDE(a) (a)->stride
#include "attention_avx512.inc"

void loci_avx512_attention_f32(const loci_encoder_attention *a) { attend(a); }
#pragma clang attribute pop
#endif
