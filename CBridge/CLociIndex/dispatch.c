// The choice of instruction level.
#include <stdbool.h>

#include "kernels.h"

const loci_index_kernels *loci_index_kernels_get(loci_index_isa cap) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
  if (avx512 && cap >= LOCI_INDEX_ISA_AVX512) return &loci_index_kernels_avx512;
  if (avx2 && cap >= LOCI_INDEX_ISA_AVX2) return &loci_index_kernels_avx2;
#elif defined(__aarch64__)
  if (cap >= LOCI_INDEX_ISA_NEON) return &loci_index_kernels_neon;
#endif
  (void)cap;
  return &loci_index_kernels_scalar;
}
