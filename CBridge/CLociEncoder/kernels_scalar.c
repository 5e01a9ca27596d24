#include "levels.h"

// The reference: nothing is vectorised here, whatever the compiler would like.
#pragma clang fp contract(off)
#define LEVEL(name) loci_scalar_##name
#include "kernels.inc"

const loci_encoder_kernels loci_encoder_kernels_scalar = LOCI_ENCODER_TABLE(LOCI_ENCODER_SCALAR);
