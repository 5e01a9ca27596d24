#ifndef LOCI_ENCODER_LEVELS_H
#define LOCI_ENCODER_LEVELS_H

#include "loci_encoder_kernels.h"

extern const loci_encoder_kernels loci_encoder_kernels_scalar;
void loci_scalar_product_f32(const loci_encoder_product *);
void loci_scalar_product_bf16(const loci_encoder_product *);
void loci_scalar_product_i8(const loci_encoder_product *);
void loci_scalar_attention_f32(const loci_encoder_attention *);
void loci_scalar_attention_bf16(const loci_encoder_attention *);
#if defined(__x86_64__)
extern const loci_encoder_kernels loci_encoder_kernels_avx2, loci_encoder_kernels_avx512;
extern const loci_encoder_kernels loci_encoder_kernels_avx512_vnni, loci_encoder_kernels_avx512_bf16;
void loci_avx2_product_f32(const loci_encoder_product *);
void loci_avx2_attention_f32(const loci_encoder_attention *);
void loci_avx512_product_f32(const loci_encoder_product *);
void loci_avx512_product_bf16(const loci_encoder_product *);
void loci_avx512_product_i8(const loci_encoder_product *);
void loci_avx512_quantize(const float *, const float *, uint8_t *, size_t, float *, float *);
void loci_avx512_attention_f32(const loci_encoder_attention *);
void loci_avx512_attention_bf16(const loci_encoder_attention *);
#elif defined(__aarch64__)
extern const loci_encoder_kernels loci_encoder_kernels_neon;
void loci_neon_product_f32(const loci_encoder_product *);
void loci_neon_attention_f32(const loci_encoder_attention *);
#endif

#endif
