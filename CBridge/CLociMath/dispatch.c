// The choice of instruction level, and normalisation on top of it.
#include <math.h>

#include "kernels.h"

const loci_kernels *loci_kernels_get(loci_isa cap) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
              __builtin_cpu_supports("f16c");
  bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (avx512 && cap >= LOCI_ISA_AVX512) return &loci_kernels_avx512;
  if (avx2 && cap >= LOCI_ISA_AVX2) return &loci_kernels_avx2;
#elif defined(__aarch64__)
  if (cap >= LOCI_ISA_NEON) return &loci_kernels_neon;
#endif
  (void)cap;
  return &loci_kernels_scalar;
}

float loci_normalise(const loci_kernels *kernels, const float *a, float *out, size_t n) {
  float squared = kernels->dot(a, a, n);
  double norm = sqrt((double)squared);
  if (!(squared > 1e-20f && squared < 1e30f)) {  // squares may have been lost or overflowed
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * a[i];
    norm = sqrt(sum);
  }
  double scale = norm > 0 ? 1 / norm : 0;
  for (size_t i = 0; i < n; i++) out[i] = (float)(a[i] * scale);
  return (float)norm;
}
