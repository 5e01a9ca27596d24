// Forward pass of BERT-style text encoders (Devlin et al. 2019: post-norm, GELU by erf) in float32, bfloat16 or int8.
// Weights are packed once for the level that computes; texts are concatenated without padding, so linear layers see
// one matrix of all tokens and attention runs text by text. Plain C11, no allocation, no state but the caller's.
//
// XLM-RoBERTa is the same but for the position of its first token.
#ifndef LOCI_ENCODER_H
#define LOCI_ENCODER_H

#include "loci_encoder_kernels.h"

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

/// How the numbers of a tensor are stored, little-endian and at any alignment.
typedef enum __attribute__((enum_extensibility(closed))) loci_encoder_number : int32_t {
  LOCI_ENCODER_F32 __attribute__((swift_name("f32"))) = 0,
  LOCI_ENCODER_F16 __attribute__((swift_name("f16"))) = 1,
  LOCI_ENCODER_BF16 __attribute__((swift_name("bf16"))) = 2
} loci_encoder_number;

typedef struct loci_encoder_tensor {
  const void *data;
  loci_encoder_number number;
} loci_encoder_tensor;

/// One layer as HuggingFace stores it: linear weights are (out, in) row-major.
typedef struct loci_encoder_layer {
  /// Each (hidden, hidden) and (hidden).
  loci_encoder_tensor query_weight, query_bias, key_weight, key_bias, value_weight, value_bias;
  loci_encoder_tensor output_weight, output_bias;
  loci_encoder_tensor attention_norm_gain, attention_norm_bias;
  /// (intermediate, hidden), (intermediate).
  loci_encoder_tensor up_weight, up_bias;
  /// (hidden, intermediate), (hidden).
  loci_encoder_tensor down_weight, down_bias;
  loci_encoder_tensor output_norm_gain, output_norm_bias;
} loci_encoder_layer;

typedef struct loci_encoder_embeddings {
  /// (vocabulary, hidden), (positions, hidden), (types, hidden): read where they lie.
  loci_encoder_tensor word, position, type;
  /// (hidden) each.
  const float *norm_gain, *norm_bias;
} loci_encoder_embeddings;

/// Weights in the layout that one level computes with.
typedef struct loci_encoder_format {
  loci_encoder_precision precision;
  /// Columns of a panel and what the last is rounded up to. Zero: rows as HuggingFace has them, for BLAS (float32 only).
  size_t panel, panel_unit;
} loci_encoder_format;

/// The level's own format; for float32 at the scalar level, BLAS.
loci_encoder_format loci_encoder_format_of(const loci_encoder_kernels *kernels, loci_encoder_precision precision);

/// Divisors for the inputs of int8 products, two rows of `hidden` as loci_encoder_pack_layer takes them, from the
/// `peaks` that loci_encoder_run_layer saw: (peak of the input)^½ over (peak of its weights)^½.
void loci_encoder_smoothing(
    const loci_encoder_shape *shape, const loci_encoder_layer *layer, const float *peaks, float *smoothing);

/// Bytes of one packed layer, a multiple of 64.
size_t loci_encoder_layer_bytes(const loci_encoder_shape *shape, const loci_encoder_format *format);

/// Packs a layer into `memory`, aligned to 64. `smoothing` is used by int8 only and may be NULL: two rows of hidden
/// positive numbers that the inputs of the query-key-value and of the widening product are divided by before they
/// are rounded, and those products' weights multiplied (Xiao et al. 2022). False: a weight is not finite.
bool loci_encoder_pack_layer(
    const loci_encoder_shape *shape, const loci_encoder_format *format, const loci_encoder_layer *layer,
    const float *smoothing, void *memory);

/// Numbers [from, from + count) as float32; false when one is not finite.
bool loci_encoder_tensor_floats(const loci_encoder_tensor *tensor, size_t from, size_t count, float *out);

/// FNV-1a of at most 4096 numbers, evenly spread from the first on: tells weights apart, resists no adversary.
uint64_t loci_encoder_tensor_sample(const loci_encoder_tensor *tensor, size_t count, uint64_t hash);

/// Whether all `count` numbers are finite.
bool loci_encoder_tensor_is_finite(const loci_encoder_tensor *tensor, size_t count);

typedef enum __attribute__((enum_extensibility(closed))) loci_encoder_pooling : int32_t {
  LOCI_ENCODER_MEAN __attribute__((swift_name("mean"))) = 0,
  LOCI_ENCODER_FIRST __attribute__((swift_name("first"))) = 1
} loci_encoder_pooling;

typedef struct loci_encoder_model {
  loci_encoder_shape shape;
  loci_encoder_format format;
  const loci_encoder_kernels *kernels;
  loci_encoder_embeddings embeddings;
  /// `layers` packed layers, one after the other.
  const void *packed;
  loci_encoder_pooling pooling;
  /// Whether vectors are brought to unit length.
  bool normalizes;
} loci_encoder_model;

/// Tokens of `texts` texts one after the other, text t from `starts[t]` up to `starts[t + 1]`, each of 1 to
/// positions − first_position tokens. Ids are below the vocabulary (not checked).
typedef struct loci_encoder_batch {
  const int32_t *ids;
  const size_t *starts;
  size_t texts;
} loci_encoder_batch;

/// Threads that help one forward pass, asleep between passes. One pass has them at a time; another that comes then
/// runs on its own thread alone.
typedef struct loci_encoder_crew loci_encoder_crew;

/// NULL when `helpers` is 0 or threads cannot be had.
loci_encoder_crew *loci_encoder_crew_create(size_t helpers);
/// No pass may be using the crew.
void loci_encoder_crew_destroy(loci_encoder_crew *crew);

/// Bytes of scratch, aligned to 64, that a pass over `batch` with this crew (or NULL) needs.
size_t loci_encoder_scratch_bytes(
    const loci_encoder_model *model, const loci_encoder_batch *batch, const loci_encoder_crew *crew);

/// Vectors of the texts, (texts, hidden). Returns false, with `vectors` undefined, as soon as *cancelled is found true;
/// `crew` and `cancelled` may be NULL.
bool loci_encoder_encode(
    const loci_encoder_model *model, const loci_encoder_batch *batch, loci_encoder_crew *crew, void *scratch,
    float *vectors, const bool *cancelled);

/// Floats between rows of hidden states in the two functions below.
size_t loci_encoder_hidden_stride(const loci_encoder_shape *shape);

/// Embeddings of all tokens, (tokens, stride) of which the first `hidden` of each row are meant.
void loci_encoder_embed(const loci_encoder_model *model, const loci_encoder_batch *batch, float *states);

/// One layer in place, from its packed form. `peaks`, which may be NULL, holds two rows of `hidden` numbers, raised to
/// the largest magnitudes seen as inputs of the query-key-value and of the widening product.
void loci_encoder_run_layer(
    const loci_encoder_model *model, const void *packed_layer, const loci_encoder_batch *batch, float *states,
    void *scratch, float *peaks);

/// Vectors of the texts from the states of the last layer.
void loci_encoder_pool(
    const loci_encoder_model *model, const loci_encoder_batch *batch, const float *states, float *vectors);

/// Puts OpenBLAS, when it is the provider, on one thread: callers bring their own. Returns a static description such
/// as "OpenBLAS Cooperlake", or "reference BLAS" (about 40 times slower), or "BLAS" when it does not say.
const char *loci_encoder_prepare_blas(void);

#endif
