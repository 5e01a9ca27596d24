// The constant table of each level that this architecture can have. Private to CLociMath.
#ifndef LOCI_KERNELS_H
#define LOCI_KERNELS_H

#include "loci_math.h"

extern const loci_kernels loci_kernels_scalar;
#if defined(__x86_64__)
extern const loci_kernels loci_kernels_avx2;
extern const loci_kernels loci_kernels_avx512;
#elif defined(__aarch64__)
extern const loci_kernels loci_kernels_neon;
#endif

uint16_t loci_f16_from_f32_one(float value);
float loci_f32_from_f16_one(uint16_t half);

#endif
