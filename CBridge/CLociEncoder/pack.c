// Packing of weights into panels (see loci_encoder_product).
#include "packed.h"
#include <math.h>

// One weight matrix, or a part of the columns of one.
typedef struct source {
  const loci_encoder_tensor *weight, *bias;
  size_t depth, columns;
  /// Where its first column goes.
  size_t first;
  float factor;
  const float *smoothing;
} source;

enum { SLICE = 1024 };

// Where column `column` starts in the panels, and how many elements lie between its groups of terms.
static size_t place(
    const loci_encoder_format *format, const loci_packed_linear *to, size_t column, size_t group, size_t *step) {
  if (format->panel == 0) {
    *step = group;
    return column * to->depth;
  }
  size_t first = column / format->panel * format->panel;
  size_t width = loci_min(format->panel, loci_round_up(to->columns - first, format->panel_unit));
  *step = width * group;
  return first * loci_round_up(to->depth, group) + (column - first) * group;
}

static float peak_of(const source *s, size_t column) {
  float numbers[SLICE], peak = 0;
  for (size_t k = 0; k < s->depth; k += SLICE) {
    size_t count = loci_min(SLICE, s->depth - k);
    loci_encoder_tensor_floats(s->weight, column * s->depth + k, count, numbers);
    for (size_t i = 0; i < count; i++) {
      float v = fabsf(s->smoothing == NULL ? numbers[i] : numbers[i] * s->smoothing[k + i]);
      peak = v > peak ? v : peak;
    }
  }
  return peak;
}

static bool pack_column(
    const loci_encoder_format *format, const source *s, size_t column, const loci_packed_linear *to) {
  size_t target = s->first + column, group = loci_group_of(format->precision), step;
  size_t at = place(format, to, target, group, &step);
  float numbers[SLICE], scale = 1, inverse = 1;
  if (format->precision == LOCI_ENCODER_INT8) {
    float peak = peak_of(s, column);
    if (!isfinite(peak)) return false;
    scale = peak > 0 ? peak / 127.0f : 1;
    inverse = 1.0f / scale;
  }
  bool finite = true;
  int32_t sum = 0;
  for (size_t k = 0; k < s->depth; k += SLICE) {
    size_t count = loci_min(SLICE, s->depth - k);
    finite &= loci_encoder_tensor_floats(s->weight, column * s->depth + k, count, numbers);
    switch (format->precision) {
      case LOCI_ENCODER_FLOAT32: {
        float *out = (float *)to->panels + at + k * step;
        for (size_t i = 0; i < count; i++) out[i * step] = numbers[i] * s->factor;
        break;
      }
      case LOCI_ENCODER_BFLOAT16: {
        uint16_t *out = (uint16_t *)to->panels + at + k / 2 * step;
        for (size_t i = 0; i < count; i++) out[i / 2 * step + i % 2] = loci_to_bf16(numbers[i] * s->factor);
        break;
      }
      case LOCI_ENCODER_INT8: {
        int8_t *out = (int8_t *)to->panels + at + k / 4 * step;
        for (size_t i = 0; i < count; i++) {
          float v = s->smoothing == NULL ? numbers[i] : numbers[i] * s->smoothing[k + i];
          int32_t rounded = (int32_t)rintf(v * inverse);
          rounded = rounded > 127 ? 127 : rounded < -127 ? -127 : rounded;
          out[i / 4 * step + i % 4] = (int8_t)rounded;
          sum += rounded;
        }
        break;
      }
    }
  }
  finite &= loci_encoder_tensor_floats(s->bias, column, 1, numbers);
  to->bias[target] = numbers[0] * s->factor;
  if (format->precision == LOCI_ENCODER_INT8) {
    to->column_scale[target] = scale * s->factor;
    to->column_sum[target] = (float)sum;
  }
  return finite;
}

static bool pack(const loci_encoder_format *format, const source *s, const loci_packed_linear *to) {
  bool finite = true;
  for (size_t column = 0; column < s->columns && finite; column++) finite = pack_column(format, s, column, to);
  return finite;
}

static bool read(const loci_encoder_tensor *tensor, size_t count, float *out) {
  return loci_encoder_tensor_floats(tensor, 0, count, out);
}

bool loci_encoder_pack_layer(
    const loci_encoder_shape *shape, const loci_encoder_format *format, const loci_encoder_layer *layer,
    const float *smoothing, void *memory) {
  size_t h = shape->hidden, f = shape->intermediate;
  loci_packed_layer to = loci_packed_layer_at(shape, format, memory);
  memset(memory, 0, to.bytes);
  const float *qkv_smoothing = NULL, *up_smoothing = NULL;
  if (format->precision == LOCI_ENCODER_INT8) {
    for (size_t i = 0; i < h; i++) {
      to.qkv.inverse[i] = smoothing == NULL ? 1 : 1 / smoothing[i];
      to.up.inverse[i] = smoothing == NULL ? 1 : 1 / smoothing[h + i];
    }
    if (smoothing != NULL) {
      qkv_smoothing = smoothing;
      up_smoothing = smoothing + h;
    }
  }
  // Softmax takes powers of two of scores over √d: both go into the queries.
  float factor = 1.44269504088896341f / sqrtf((float)(h / shape->heads));
  const source sources[] = {
      {&layer->query_weight, &layer->query_bias, h, h, 0, factor, qkv_smoothing},
      {&layer->key_weight, &layer->key_bias, h, h, h, 1, qkv_smoothing},
      {&layer->value_weight, &layer->value_bias, h, h, 2 * h, 1, qkv_smoothing},
      {&layer->output_weight, &layer->output_bias, h, h, 0, 1, NULL},
      {&layer->up_weight, &layer->up_bias, h, f, 0, 1, up_smoothing},
      {&layer->down_weight, &layer->down_bias, f, h, 0, 1, NULL}};
  const loci_packed_linear *targets[] = {&to.qkv, &to.qkv, &to.qkv, &to.output, &to.up, &to.down};
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
    if (!pack(format, &sources[i], targets[i])) return false;
  }
  return read(&layer->attention_norm_gain, h, to.attention_norm_gain) &&
      read(&layer->attention_norm_bias, h, to.attention_norm_bias) &&
      read(&layer->output_norm_gain, h, to.output_norm_gain) && read(&layer->output_norm_bias, h, to.output_norm_bias);
}
