#if defined(__aarch64__)
#include "levels.h"
#include "product.h"

#include <math.h>
#define LEVEL(name) loci_neon_##name
#include "kernels.inc"

#define LANES 4
#define VECTORS 3
#define ROWS 8
#include "float32.inc"

const loci_encoder_kernels loci_encoder_kernels_neon = {
    LOCI_ENCODER_NEON, PANEL, LANES, loci_neon_product_f32, NULL, NULL, loci_neon_attention_f32, NULL,
    loci_neon_gelu, loci_neon_softmax, loci_neon_norm, loci_neon_accumulate, loci_neon_normalize,
    loci_neon_to_bf16, loci_neon_quantize};
#endif
