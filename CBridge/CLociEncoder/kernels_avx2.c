#if defined(__x86_64__)
#include "levels.h"
#include "product.h"

#include <math.h>
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LEVEL(name) loci_avx2_##name
#include "kernels.inc"

#define LANES 8
#define VECTORS 2
#define ROWS 6
#include "float32.inc"

const loci_encoder_kernels loci_encoder_kernels_avx2 = {
    LOCI_ENCODER_AVX2, PANEL, LANES, loci_avx2_product_f32, NULL, NULL, loci_avx2_attention_f32, NULL,
    loci_avx2_gelu, loci_avx2_softmax, loci_avx2_norm, loci_avx2_accumulate, loci_avx2_normalize,
    loci_avx2_to_bf16, loci_avx2_quantize};
#pragma clang attribute pop
#endif
