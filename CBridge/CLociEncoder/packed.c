#include "packed.h"

// A number, not a pointer: sizes are learnt from a layout that starts at nought.
typedef struct cursor {
  uintptr_t at;
} cursor;

static void *take(cursor *c, size_t bytes) {
  void *here = (void *)c->at;
  c->at += loci_round_up(bytes, 64);
  return here;
}

static size_t padded_columns(const loci_encoder_format *format, size_t columns) {
  return loci_round_up(columns, format->panel_unit == 0 ? 1 : format->panel_unit);
}

static loci_packed_linear linear(
    cursor *c, const loci_encoder_format *format, size_t depth, size_t columns, bool smoothed) {
  loci_packed_linear l = {.depth = depth, .columns = columns};
  size_t padded = padded_columns(format, columns);
  size_t deep = loci_round_up(depth, loci_group_of(format->precision));
  size_t size = format->precision == LOCI_ENCODER_INT8 ? 1 : format->precision == LOCI_ENCODER_BFLOAT16 ? 2 : 4;
  l.panels = take(c, padded * deep * size);
  l.bias = take(c, padded * sizeof(float));
  if (format->precision == LOCI_ENCODER_INT8) {
    l.column_scale = take(c, padded * sizeof(float));
    l.column_sum = take(c, padded * sizeof(float));
    if (smoothed) l.inverse = take(c, depth * sizeof(float));
  }
  return l;
}

loci_packed_layer loci_packed_layer_at(
    const loci_encoder_shape *shape, const loci_encoder_format *format, const void *memory) {
  size_t h = shape->hidden, f = shape->intermediate;
  cursor c = {.at = (uintptr_t)memory};
  loci_packed_layer layer;
  layer.qkv = linear(&c, format, h, 3 * h, true);
  layer.output = linear(&c, format, h, h, false);
  layer.up = linear(&c, format, h, f, true);
  layer.down = linear(&c, format, f, h, false);
  layer.attention_norm_gain = take(&c, h * sizeof(float));
  layer.attention_norm_bias = take(&c, h * sizeof(float));
  layer.output_norm_gain = take(&c, h * sizeof(float));
  layer.output_norm_bias = take(&c, h * sizeof(float));
  layer.bytes = c.at - (uintptr_t)memory;
  return layer;
}

size_t loci_encoder_layer_bytes(const loci_encoder_shape *shape, const loci_encoder_format *format) {
  return loci_packed_layer_at(shape, format, NULL).bytes;
}

loci_encoder_format loci_encoder_format_of(const loci_encoder_kernels *kernels, loci_encoder_precision precision) {
  loci_encoder_format format = {precision, kernels->panel, kernels->panel_unit};
  if (kernels->isa == LOCI_ENCODER_SCALAR && precision == LOCI_ENCODER_FLOAT32) format.panel = format.panel_unit = 0;
  return format;
}
