// Arithmetic of the encoder at each instruction level: products with packed weights, attention, row routines.
// Every result element is one chain of operations in rising order of the inner dimension, whatever the number of rows
// and columns computed with it: a vector's bits never depend on its company or on the number of threads.
#ifndef LOCI_ENCODER_KERNELS_H
#define LOCI_ENCODER_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Instruction levels, in rising order.
typedef enum __attribute__((enum_extensibility(closed))) loci_encoder_isa : int32_t {
  LOCI_ENCODER_SCALAR __attribute__((swift_name("scalar"))) = 0,
  LOCI_ENCODER_NEON __attribute__((swift_name("neon"))) = 1,
  LOCI_ENCODER_AVX2 __attribute__((swift_name("avx2"))) = 2,
  LOCI_ENCODER_AVX512 __attribute__((swift_name("avx512"))) = 3
} loci_encoder_isa;

/// What the operands of matrix products are. Sums, norms, softmax and residuals are float32 in all of them.
typedef enum __attribute__((enum_extensibility(closed))) loci_encoder_precision : int32_t {
  LOCI_ENCODER_FLOAT32 __attribute__((swift_name("float32"))) = 0,
  LOCI_ENCODER_BFLOAT16 __attribute__((swift_name("bfloat16"))) = 1,
  /// Weights s8 with a scale for each output, activations u8 with a scale and a zero for each token.
  LOCI_ENCODER_INT8 __attribute__((swift_name("int8"))) = 2
} loci_encoder_precision;

/// What is done with a product before it is stored.
typedef enum __attribute__((enum_extensibility(closed))) loci_encoder_epilogue : int32_t {
  LOCI_ENCODER_STORE __attribute__((swift_name("store"))) = 0,
  LOCI_ENCODER_GELU __attribute__((swift_name("gelu"))) = 1,
  /// out = out + product + bias; `out` is float32.
  LOCI_ENCODER_ADD __attribute__((swift_name("add"))) = 2
} loci_encoder_epilogue;

/// One product out (rows, columns) = in (rows, depth) · weightᵀ + bias, with weights in panels.
///
/// A panel holds `width` columns (the level's `panel`; the last one what is left, rounded up to `panel_unit`) as
/// (depth / group, width, group), group being 1 for float32, 2 for bfloat16, 4 for int8; depth is padded with zeros.
typedef struct loci_encoder_product {
  /// Row-major float, bfloat16 (as uint16_t) or uint8_t; rows are readable, and zero, up to a multiple of the group.
  const void *in;
  size_t rows, in_stride, depth, columns;
  const void *panels;
  /// Padded like the last panel. The next two: int8 only.
  const float *bias, *column_scale, *column_sum;
  const float *row_scale, *row_zero;
  /// Panels [panel_from, panel_to) are computed.
  size_t panel_from, panel_to;
  loci_encoder_epilogue epilogue;
  /// `out` holds bfloat16, not float.
  bool half_out;
  void *out;
  size_t out_stride;
} loci_encoder_product;

/// One head of one text: out (length, dimension) = softmax₂(query · keyᵀ) · value; the scale log₂(e)/√dimension is in
/// the queries already, and powers are of two.
typedef struct loci_encoder_attention {
  /// (length, dimension) each with the same stride, float or bfloat16. 64 elements past the end can be read.
  const void *query, *key, *value;
  size_t stride, length, dimension;
  bool half_out;
  void *out;
  size_t out_stride;
  /// loci_encoder_attention_scratch bytes, aligned to 64.
  void *scratch;
} loci_encoder_attention;

/// Routines of one level. A NULL product is one that the processor cannot do.
typedef struct loci_encoder_kernels {
  loci_encoder_isa isa;
  /// Columns of a panel, and what its last one is rounded up to.
  size_t panel, panel_unit;
  void (*product_f32)(const loci_encoder_product *);
  void (*product_bf16)(const loci_encoder_product *);
  void (*product_i8)(const loci_encoder_product *);
  void (*attention_f32)(const loci_encoder_attention *);
  void (*attention_bf16)(const loci_encoder_attention *);
  /// In place over `n` numbers: x · Φ(x), with erf to 2 ulp (rational approximation).
  void (*gelu)(float *x, size_t n);
  /// In place: softmax of x to the base 2 over `n` ≥ 1 numbers.
  void (*softmax)(float *x, size_t n);
  /// x = norm(x) · gain + bias over `n` numbers (Ba et al. 2016).
  void (*norm)(float *x, const float *gain, const float *bias, size_t n, float epsilon);
  /// sum += x.
  void (*accumulate)(float *sum, const float *x, size_t n);
  /// In place: x / max(|x|, 1e-12).
  void (*normalize)(float *x, size_t n);
  /// bfloat16 of `n` numbers, rounded to nearest even.
  void (*to_bf16)(const float *x, uint16_t *out, size_t n);
  /// out = round(x · inverse[i] / scale) + zero in 0…255 with the scale and zero that fit the range of the row and 0;
  /// `inverse` may be NULL for ones.
  void (*quantize)(const float *x, const float *inverse, uint8_t *out, size_t n, float *scale, float *zero);
} loci_encoder_kernels;

/// The best level this processor has, no newer than `cap`.
const loci_encoder_kernels *loci_encoder_kernels_get(loci_encoder_isa cap);

/// Bytes of scratch for one head of a text of `length` tokens, in any precision at any level.
size_t loci_encoder_attention_scratch(size_t length, size_t dimension);

#endif
