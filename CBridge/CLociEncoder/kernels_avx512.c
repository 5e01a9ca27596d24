#if defined(__x86_64__)
#include "levels.h"
#include "product.h"

#include <math.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-256-bit"))), apply_to = function)
#define LEVEL(name) loci_avx512_##name
#define OWN_QUANTIZE
#include "kernels.inc"

#define ROW_ROUTINES                                                                                           \
  loci_avx512_gelu, loci_avx512_softmax, loci_avx512_norm, loci_avx512_accumulate, loci_avx512_normalize, \
      loci_avx512_to_bf16, loci_avx512_quantize

// By what the processor adds to AVX-512: nothing, vpdpbusd, vdpbf16ps as well.
const loci_encoder_kernels loci_encoder_kernels_avx512 = {
    LOCI_ENCODER_AVX512, 48, 16, loci_avx512_product_f32, NULL, NULL, loci_avx512_attention_f32, NULL, ROW_ROUTINES};
const loci_encoder_kernels loci_encoder_kernels_avx512_vnni = {
    LOCI_ENCODER_AVX512, 48, 16, loci_avx512_product_f32, NULL, loci_avx512_product_i8, loci_avx512_attention_f32,
    NULL, ROW_ROUTINES};
const loci_encoder_kernels loci_encoder_kernels_avx512_bf16 = {
    LOCI_ENCODER_AVX512, 48, 16, loci_avx512_product_f32, loci_avx512_product_bf16, loci_avx512_product_i8,
    loci_avx512_attention_f32, loci_avx512_attention_bf16, ROW_ROUTINES};
#pragma clang attribute pop
#endif
