#include "levels.h"

const loci_encoder_kernels *loci_encoder_kernels_get(loci_encoder_isa cap) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (cap >= LOCI_ENCODER_AVX512 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    if (!__builtin_cpu_supports("avx512vnni")) return &loci_encoder_kernels_avx512;
    return __builtin_cpu_supports("avx512bf16") ? &loci_encoder_kernels_avx512_bf16
                                                : &loci_encoder_kernels_avx512_vnni;
  }
  if (cap >= LOCI_ENCODER_AVX2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return &loci_encoder_kernels_avx2;
  }
#elif defined(__aarch64__)
  if (cap >= LOCI_ENCODER_NEON) return &loci_encoder_kernels_neon;
#else
  (void)cap;
#endif
  return &loci_encoder_kernels_scalar;
}
