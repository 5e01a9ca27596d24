#ifndef LOCI_ENCODER_LEVELS_H
#define LOCI_ENCODER_LEVELS_H

#include "loci_encoder.h"

extern const loci_encoder_kernels loci_encoder_kernels_scalar;
#if defined(__x86_64__)
extern const loci_encoder_kernels loci_encoder_kernels_avx2, loci_encoder_kernels_avx512;
#elif defined(__aarch64__)
extern const loci_encoder_kernels loci_encoder_kernels_neon;
#endif

#endif
