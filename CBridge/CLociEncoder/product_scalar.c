// The reference for products: plain loops over the panels, any width.
#include "levels.h"
#include "product.h"

#include <math.h>

#pragma clang fp contract(off)

enum { SCALAR_PANEL = 16, SCALAR_UNIT = 1 };

static void finish(const loci_encoder_product *p, size_t row, size_t column, float value) {
  if (p->epilogue == LOCI_ENCODER_GELU) value = 0.5f * value * (1.0f + erff(value * 0.70710678118654752f));
  size_t at = row * p->out_stride + column;
  if (p->epilogue == LOCI_ENCODER_ADD) {
    ((float *)p->out)[at] += value;
  } else if (p->half_out) {
    ((uint16_t *)p->out)[at] = loci_to_bf16(value);
  } else {
    ((float *)p->out)[at] = value;
  }
}

// Element (k, column) of the panels, whose rows are grouped by `group`.
static size_t place(const loci_encoder_product *p, size_t k, size_t column, size_t group) {
  size_t panel = column / SCALAR_PANEL, first = panel * SCALAR_PANEL;
  size_t width = loci_min(SCALAR_PANEL, p->columns - first);
  size_t deep = loci_round_up(p->depth, group);
  return first * deep + (k / group * width + column - first) * group + k % group;
}

static size_t last_column(const loci_encoder_product *p) { return loci_min(p->columns, p->panel_to * SCALAR_PANEL); }

void loci_scalar_product_f32(const loci_encoder_product *p) {
  for (size_t column = p->panel_from * SCALAR_PANEL; column < last_column(p); column++) {
    for (size_t row = 0; row < p->rows; row++) {
      const float *in = (const float *)p->in + row * p->in_stride;
      float sum = 0;
      for (size_t k = 0; k < p->depth; k++) sum += in[k] * ((const float *)p->panels)[place(p, k, column, 1)];
      finish(p, row, column, sum + p->bias[column]);
    }
  }
}

void loci_scalar_product_bf16(const loci_encoder_product *p) {
  for (size_t column = p->panel_from * SCALAR_PANEL; column < last_column(p); column++) {
    for (size_t row = 0; row < p->rows; row++) {
      const uint16_t *in = (const uint16_t *)p->in + row * p->in_stride;
      float sum = 0;
      for (size_t k = 0; k < p->depth; k++) {
        sum += loci_from_bf16(in[k]) * loci_from_bf16(((const uint16_t *)p->panels)[place(p, k, column, 2)]);
      }
      finish(p, row, column, sum + p->bias[column]);
    }
  }
}

void loci_scalar_product_i8(const loci_encoder_product *p) {
  for (size_t column = p->panel_from * SCALAR_PANEL; column < last_column(p); column++) {
    for (size_t row = 0; row < p->rows; row++) {
      const uint8_t *in = (const uint8_t *)p->in + row * p->in_stride;
      int32_t sum = 0;
      for (size_t k = 0; k < p->depth; k++) sum += in[k] * ((const int8_t *)p->panels)[place(p, k, column, 4)];
      float centred = (float)sum - p->row_zero[row] * p->column_sum[column];
      finish(p, row, column, centred * p->row_scale[row] * p->column_scale[column] + p->bias[column]);
    }
  }
}
