// One forward pass at work: its buffers, and the steps that forward.c puts in order.
#ifndef LOCI_ENCODER_PASS_H
#define LOCI_ENCODER_PASS_H

#include "crew.h"
#include "packed.h"

/// Rows that the feed-forward part takes at a time: their wide activations stay in the second-level cache.
enum { LOCI_BLOCK_ROWS = 64 };

typedef struct loci_pass {
  const loci_encoder_model *model;
  const loci_encoder_kernels *kernels;
  const loci_encoder_batch *batch;
  loci_encoder_crew *crew;
  size_t tokens, longest, hidden, intermediate, workers;
  /// Hidden states, float32 (tokens, states_stride).
  float *states;
  size_t states_stride;
  /// What products read of a row in reduced precision: (tokens, narrow_stride) bfloat16 or uint8_t; NULL in float32.
  void *narrow;
  size_t narrow_stride;
  /// int8: scale and zero of each row of `narrow`.
  float *row_scale, *row_zero;
  /// Queries, keys and values (tokens, qkv_stride), bfloat16 when `half_attention`, else float32.
  void *qkv;
  size_t qkv_stride;
  bool half_attention;
  /// Attention's result (tokens, context_stride), bfloat16 in that precision, else float32.
  void *context;
  size_t context_stride;
  /// For each worker: (LOCI_BLOCK_ROWS, wide_stride) as the precision has it; int8 besides as uint8_t with its scales.
  char *wide, *wide_narrow;
  size_t wide_stride, wide_narrow_stride;
  float *wide_scale, *wide_zero;
  /// For each worker: attention's scratch.
  char *attention;
  size_t attention_bytes;
} loci_pass;

/// Lays the buffers out from `scratch` on, which may be NULL to learn the size. Returns the bytes used.
size_t loci_pass_layout(
    loci_pass *pass, const loci_encoder_model *model, const loci_encoder_batch *batch, loci_encoder_crew *crew,
    void *scratch);

/// Word + position + type embeddings of all tokens, normalised.
void loci_pass_embed(const loci_pass *pass);

/// Makes rows [from, to) of `narrow` from the states, times `inverse` in int8.
void loci_pass_narrow(const loci_pass *pass, size_t from, size_t to, const float *inverse);

/// One layer; `next` is what the following layer divides its inputs by, or NULL.
void loci_pass_layer(const loci_pass *pass, const loci_packed_layer *layer, const float *next, float *peaks);

#endif
