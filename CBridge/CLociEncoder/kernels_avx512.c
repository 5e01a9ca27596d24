#if defined(__x86_64__)
#include "levels.h"

#include <math.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-256-bit"))), apply_to = function)
#define LEVEL(name) loci_avx512_##name
#include "kernels.inc"

const loci_encoder_kernels loci_encoder_kernels_avx512 = LOCI_ENCODER_TABLE(LOCI_ENCODER_AVX512);
#pragma clang attribute pop
#endif
