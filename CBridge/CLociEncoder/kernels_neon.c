#if defined(__aarch64__)
#include "levels.h"

#define LEVEL(name) loci_neon_##name
#include "kernels.inc"

const loci_encoder_kernels loci_encoder_kernels_neon = LOCI_ENCODER_TABLE(LOCI_ENCODER_NEON);
#endif
