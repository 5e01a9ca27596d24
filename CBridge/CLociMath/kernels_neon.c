// 128-bit routines of the base AArch64 instruction set.
#if defined(__aarch64__)
#include <arm_neon.h>
#include <string.h>

#include "kernels.h"

typedef float32x4_t vec;
#define LANES ((size_t)4)

static inline vec vec_zero(void) { return vdupq_n_f32(0); }
static inline vec vec_load(const float *p) { return vld1q_f32(p); }
static inline vec vec_load_half(const uint16_t *p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
static inline vec vec_load_tail(const float *p, size_t n) {
  float padded[4] = {0};
  memcpy(padded, p, n * sizeof *p);
  return vld1q_f32(padded);
}
static inline vec vec_load_half_tail(const uint16_t *p, size_t n) {
  uint16_t padded[4] = {0};
  memcpy(padded, p, n * sizeof *p);
  return vec_load_half(padded);
}
static inline vec vec_add(vec a, vec b) { return vaddq_f32(a, b); }
static inline vec vec_sub(vec a, vec b) { return vsubq_f32(a, b); }
static inline vec vec_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
static inline float vec_sum(vec v) { return vaddvq_f32(v); }

#include "kernel_template.h"

static void f32_from_f16(const uint16_t *in, float *out, size_t n) {
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) vst1q_f32(out + i, vec_load_half(in + i));
  for (; i < n; i++) out[i] = loci_f32_from_f16_one(in[i]);
}

static void f16_from_f32(const float *in, uint16_t *out, size_t n) {
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) vst1_u16(out + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(in + i))));
  for (; i < n; i++) out[i] = loci_f16_from_f32_one(in[i]);
}

static size_t select_at_least(const float *scores, size_t n, float threshold, uint32_t *positions) {
  size_t count = 0, i = 0;
  float32x4_t least = vdupq_n_f32(threshold);
  for (; i + LANES <= n; i += LANES) {
    if (vmaxvq_u32(vcgeq_f32(vld1q_f32(scores + i), least)) == 0) continue;
    for (size_t lane = i; lane < i + LANES; lane++) {
      if (scores[lane] >= threshold) positions[count++] = (uint32_t)lane;
    }
  }
  for (; i < n; i++) {
    if (scores[i] >= threshold) positions[count++] = (uint32_t)i;
  }
  return count;
}

const loci_kernels loci_kernels_neon = {
    .isa = LOCI_ISA_NEON,
    .dot = dot,
    .squared_l2 = squared_l2,
    .dot_rows = dot_rows,
    .negative_l2_rows = negative_l2_rows,
    .dot_rows_f16 = dot_rows_f16,
    .negative_l2_rows_f16 = negative_l2_rows_f16,
    .f32_from_f16 = f32_from_f16,
    .f16_from_f32 = f16_from_f32,
    .all_finite = all_finite,
    .select_at_least = select_at_least,
};
#endif
