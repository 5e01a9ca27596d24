// Forward pass of BERT-style text encoders in float32. Plain C11; matrix products by BLAS, everything else here.
// Texts are concatenated without padding: linear layers see one matrix of all tokens, attention runs text by text.
// Devlin et al. 2019, post-norm, GELU by erf.
#ifndef LOCI_ENCODER_H
#define LOCI_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct loci_encoder_shape {
  size_t layers, hidden, heads, intermediate;
  /// Rows of the embedding tables.
  size_t vocabulary, positions, types;
  /// Position of the first token: 0 for BERT, padding id + 1 for RoBERTa.
  size_t first_position;
  float layer_norm_epsilon;
} loci_encoder_shape;

/// Linear weights are (out, in) row-major, as HuggingFace stores them.
typedef struct loci_encoder_layer {
  /// (3 × hidden, hidden) and (3 × hidden): query, key and value one after the other.
  const float *qkv_weight, *qkv_bias;
  /// (hidden, hidden), (hidden).
  const float *output_weight, *output_bias;
  const float *attention_norm_gain, *attention_norm_bias;
  /// (intermediate, hidden), (intermediate).
  const float *up_weight, *up_bias;
  /// (hidden, intermediate), (hidden).
  const float *down_weight, *down_bias;
  const float *output_norm_gain, *output_norm_bias;
} loci_encoder_layer;

typedef struct loci_encoder_weights {
  /// (vocabulary, hidden), (positions, hidden), (types, hidden).
  const float *word, *position, *type;
  const float *norm_gain, *norm_bias;
  const loci_encoder_layer *layers;
} loci_encoder_weights;

/// Instruction levels, in rising order.
typedef enum __attribute__((enum_extensibility(closed))) loci_encoder_isa : int32_t {
  LOCI_ENCODER_SCALAR __attribute__((swift_name("scalar"))) = 0,
  LOCI_ENCODER_NEON __attribute__((swift_name("neon"))) = 1,
  LOCI_ENCODER_AVX2 __attribute__((swift_name("avx2"))) = 2,
  LOCI_ENCODER_AVX512 __attribute__((swift_name("avx512"))) = 3
} loci_encoder_isa;

/// Row routines of one level.
typedef struct loci_encoder_kernels {
  loci_encoder_isa isa;
  /// In place over `n` numbers: x · Φ(x), with erf to 2 ulp (rational approximation).
  void (*gelu)(float *x, size_t n);
  /// In place: softmax of scale · x over `n` ≥ 1 numbers.
  void (*softmax)(float *x, size_t n, float scale);
  /// x = norm(x + residual) · gain + bias over `n` numbers; `residual` may be NULL.
  void (*add_norm)(float *x, const float *residual, const float *gain, const float *bias, size_t n, float epsilon);
  /// x += bias.
  void (*add_bias)(float *x, const float *bias, size_t n);
  /// sum += x.
  void (*accumulate)(float *sum, const float *x, size_t n);
  /// In place: x / max(|x|, 1e-12).
  void (*normalize)(float *x, size_t n);
} loci_encoder_kernels;

/// The best level this processor has, no newer than `cap`.
const loci_encoder_kernels *loci_encoder_kernels_get(loci_encoder_isa cap);

/// Floats of scratch that a forward pass over `tokens` needs, the longest text having `longest`.
size_t loci_encoder_scratch_count(const loci_encoder_shape *shape, size_t tokens, size_t longest);

/// Runs all layers. `ids` holds the tokens of `texts` texts one after the other, text t from `starts[t]` up to
/// `starts[t + 1]`, each of 1 to positions − first_position tokens. Ids are below the vocabulary (not checked).
/// `hidden` gets (tokens, hidden). `scratch` holds what loci_encoder_scratch_count says. Returns false, with
/// `hidden` undefined, as soon as *cancelled is found true; `cancelled` may be NULL.
bool loci_encoder_forward(
    const loci_encoder_kernels *kernels, const loci_encoder_shape *shape, const loci_encoder_weights *weights,
    const int32_t *ids, const size_t *starts, size_t texts, float *hidden, float *scratch,
    const bool *cancelled);

/// Mean of `tokens` ≥ 1 rows of `n` numbers.
void loci_encoder_mean(
    const loci_encoder_kernels *kernels, const float *rows, size_t tokens, size_t n, float *mean);

/// Puts OpenBLAS, when it is the provider, on one thread: callers bring their own. Returns a static description such
/// as "OpenBLAS Cooperlake", or "reference BLAS" (about 40 times slower), or "BLAS" when it does not say.
const char *loci_encoder_prepare_blas(void);

#endif
