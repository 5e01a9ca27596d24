// Where the parts of a packed layer lie.
#ifndef LOCI_ENCODER_PACKED_H
#define LOCI_ENCODER_PACKED_H

#include "loci_encoder.h"
#include "product.h"

/// A linear layer. `bias`, and in int8 the next two, are padded like the last panel.
typedef struct loci_packed_linear {
  size_t depth, columns;
  void *panels;
  float *bias, *column_scale, *column_sum;
  /// What inputs are multiplied with before they are rounded, (depth), or NULL.
  float *inverse;
} loci_packed_linear;

typedef struct loci_packed_layer {
  loci_packed_linear qkv, output, up, down;
  float *attention_norm_gain, *attention_norm_bias, *output_norm_gain, *output_norm_bias;
  /// Of the whole layer.
  size_t bytes;
} loci_packed_layer;

/// The parts of the layer at `memory`.
loci_packed_layer loci_packed_layer_at(
    const loci_encoder_shape *shape, const loci_encoder_format *format, const void *memory);

/// Depth is padded to a multiple of this: the terms that one instruction adds up.
static inline size_t loci_group_of(loci_encoder_precision precision) {
  return precision == LOCI_ENCODER_INT8 ? 4 : precision == LOCI_ENCODER_BFLOAT16 ? 2 : 1;
}

static inline size_t loci_panels_of(const loci_encoder_format *format, size_t columns) {
  return format->panel == 0 ? 1 : (columns + format->panel - 1) / format->panel;
}

#endif
