#include "levels.h"

// The reference: nothing is vectorised here, whatever the compiler would like.
#pragma clang fp contract(off)
#define LEVEL(name) loci_scalar_##name
#include "kernels.inc"

const loci_encoder_kernels loci_encoder_kernels_scalar = {
    LOCI_ENCODER_SCALAR, 16, 1,
    loci_scalar_product_f32, loci_scalar_product_bf16, loci_scalar_product_i8,
    loci_scalar_attention_f32, loci_scalar_attention_bf16,
    loci_scalar_gelu, loci_scalar_softmax, loci_scalar_norm, loci_scalar_accumulate, loci_scalar_normalize,
    loci_scalar_to_bf16, loci_scalar_quantize};
