// The constant table of each level that this architecture can have. Private to CLociIndex.
#ifndef LOCI_INDEX_KERNEL_TABLES_H
#define LOCI_INDEX_KERNEL_TABLES_H

#include "loci_index_kernels.h"

extern const loci_index_kernels loci_index_kernels_scalar;
#if defined(__x86_64__)
extern const loci_index_kernels loci_index_kernels_avx2;
extern const loci_index_kernels loci_index_kernels_avx512;
#elif defined(__aarch64__)
extern const loci_index_kernels loci_index_kernels_neon;
#endif

#endif
