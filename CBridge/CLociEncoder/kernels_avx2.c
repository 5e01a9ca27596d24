#if defined(__x86_64__)
#include "levels.h"

#include <math.h>
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LEVEL(name) loci_avx2_##name
#include "kernels.inc"

const loci_encoder_kernels loci_encoder_kernels_avx2 = LOCI_ENCODER_TABLE(LOCI_ENCODER_AVX2);
#pragma clang attribute pop
#endif
