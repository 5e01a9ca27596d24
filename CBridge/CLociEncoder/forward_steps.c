#include "forward_steps.h"

#include <cblas.h>
#include <math.h>

// The product by BLAS, for weights kept as rows.
static void product_blas(const loci_pass *p, const loci_encoder_product *product) {
  float *out = product->out;
  size_t n = product->columns;
  bool adds = product->epilogue == LOCI_ENCODER_ADD;
  cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, (int)product->rows, (int)n, (int)product->depth, 1.0f, product->in,
      (int)product->in_stride, product->panels, (int)product->depth, adds ? 1.0f : 0.0f, out,
      (int)product->out_stride);
  for (size_t r = 0; r < product->rows; r++) {
    p->kernels->accumulate(out + r * product->out_stride, product->bias, n);
    if (product->epilogue == LOCI_ENCODER_GELU) p->kernels->gelu(out + r * product->out_stride, n);
  }
}

static void run(const loci_pass *p, const loci_packed_linear *linear, loci_encoder_product *product) {
  product->depth = linear->depth;
  product->columns = linear->columns;
  product->panels = linear->panels;
  product->bias = linear->bias;
  product->column_scale = linear->column_scale;
  product->column_sum = linear->column_sum;
  switch (p->model->format.precision) {
    case LOCI_ENCODER_FLOAT32:
      if (p->model->format.panel == 0) {
        product_blas(p, product);
      } else {
        p->kernels->product_f32(product);
      }
      break;
    case LOCI_ENCODER_BFLOAT16: p->kernels->product_bf16(product); break;
    case LOCI_ENCODER_INT8: p->kernels->product_i8(product); break;
  }
}

// A product whose inputs are the states, narrowed as the precision has it.
static loci_encoder_product from_states(const loci_pass *p, size_t from, size_t to) {
  loci_encoder_product product = {.rows = to - from};
  switch (p->model->format.precision) {
    case LOCI_ENCODER_FLOAT32:
      product.in = p->states + from * p->states_stride;
      product.in_stride = p->states_stride;
      break;
    case LOCI_ENCODER_BFLOAT16:
      product.in = (uint16_t *)p->narrow + from * p->narrow_stride;
      product.in_stride = p->narrow_stride;
      break;
    case LOCI_ENCODER_INT8:
      product.in = (uint8_t *)p->narrow + from * p->narrow_stride;
      product.in_stride = p->narrow_stride;
      product.row_scale = p->row_scale + from;
      product.row_zero = p->row_zero + from;
      break;
  }
  return product;
}

void loci_step_qkv(
    const loci_pass *p, const loci_packed_linear *linear, size_t from, size_t to, size_t panel_from,
    size_t panel_to) {
  loci_encoder_product product = from_states(p, from, to);
  product.panel_from = panel_from;
  product.panel_to = panel_to;
  product.epilogue = LOCI_ENCODER_STORE;
  product.half_out = p->half_attention;
  product.out = (char *)p->qkv + from * p->qkv_stride * (p->half_attention ? 2 : 4);
  product.out_stride = p->qkv_stride;
  run(p, linear, &product);
}

void loci_step_attention(const loci_pass *p, size_t text, size_t head, size_t worker) {
  size_t start = p->batch->starts[text], d = p->hidden / p->model->shape.heads, size = p->half_attention ? 2 : 4;
  bool half_out = p->model->format.precision == LOCI_ENCODER_BFLOAT16;
  const char *query = (const char *)p->qkv + (start * p->qkv_stride + head * d) * size;
  loci_encoder_attention attention = {
      .query = query,
      .key = query + p->hidden * size,
      .value = query + 2 * p->hidden * size,
      .stride = p->qkv_stride,
      .length = p->batch->starts[text + 1] - start,
      .dimension = d,
      .half_out = half_out,
      .out = (char *)p->context + (start * p->context_stride + head * d) * (half_out ? 2 : 4),
      .out_stride = p->context_stride,
      .scratch = p->attention + worker * p->attention_bytes};
  if (p->half_attention) {
    p->kernels->attention_bf16(&attention);
  } else {
    p->kernels->attention_f32(&attention);
  }
}

void loci_step_narrow_context(const loci_pass *p, size_t from, size_t to) {
  if (p->model->format.precision == LOCI_ENCODER_BFLOAT16 && p->hidden % 2 != 0) {
    for (size_t i = from; i < to; i++) ((uint16_t *)p->context)[i * p->context_stride + p->hidden] = 0;
  }
  if (p->model->format.precision != LOCI_ENCODER_INT8) return;
  for (size_t i = from; i < to; i++) {
    uint8_t *out = (uint8_t *)p->narrow + i * p->narrow_stride;
    p->kernels->quantize(
        (float *)p->context + i * p->context_stride, NULL, out, p->hidden, &p->row_scale[i], &p->row_zero[i]);
    for (size_t k = p->hidden; k % 4 != 0; k++) out[k] = 0;
  }
}

void loci_step_output(
    const loci_pass *p, const loci_packed_linear *linear, size_t from, size_t to, size_t panel_from,
    size_t panel_to) {
  loci_encoder_product product = from_states(p, from, to);
  if (p->model->format.precision != LOCI_ENCODER_INT8) {
    size_t size = p->model->format.precision == LOCI_ENCODER_BFLOAT16 ? 2 : 4;
    product.in = (char *)p->context + from * p->context_stride * size;
    product.in_stride = p->context_stride;
  }
  product.panel_from = panel_from;
  product.panel_to = panel_to;
  product.epilogue = LOCI_ENCODER_ADD;
  product.out = p->states + from * p->states_stride;
  product.out_stride = p->states_stride;
  run(p, linear, &product);
}

void loci_step_norm(
    const loci_pass *p, const float *gain, const float *bias, const float *inverse, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) {
    float *row = p->states + i * p->states_stride;
    p->kernels->norm(row, gain, bias, p->hidden, p->model->shape.layer_norm_epsilon);
    loci_pass_narrow(p, i, i + 1, inverse);
  }
}

static size_t wide_size(const loci_pass *p) { return p->model->format.precision == LOCI_ENCODER_BFLOAT16 ? 2 : 4; }

static char *wide_of(const loci_pass *p, size_t worker) {
  return p->wide + worker * LOCI_BLOCK_ROWS * p->wide_stride * wide_size(p);
}

void loci_step_up(
    const loci_pass *p, const loci_packed_linear *linear, size_t from, size_t to, size_t panel_from,
    size_t panel_to, size_t worker) {
  loci_encoder_product product = from_states(p, from, to);
  product.panel_from = panel_from;
  product.panel_to = panel_to;
  product.epilogue = LOCI_ENCODER_GELU;
  product.half_out = p->model->format.precision == LOCI_ENCODER_BFLOAT16;
  product.out = wide_of(p, worker);
  product.out_stride = p->wide_stride;
  run(p, linear, &product);
  if (product.half_out && linear->columns % 2 != 0 && panel_to == loci_panels_of(&p->model->format, linear->columns)) {
    for (size_t r = 0; r < to - from; r++) ((uint16_t *)product.out)[r * p->wide_stride + linear->columns] = 0;
  }
}

void loci_step_narrow_wide(const loci_pass *p, size_t from, size_t to, size_t worker) {
  if (p->model->format.precision != LOCI_ENCODER_INT8) return;
  size_t n = p->intermediate, first = worker * LOCI_BLOCK_ROWS;
  for (size_t i = from; i < to; i++) {
    uint8_t *out = (uint8_t *)p->wide_narrow + (first + i) * p->wide_narrow_stride;
    p->kernels->quantize(
        (float *)wide_of(p, worker) + i * p->wide_stride, NULL, out, n, &p->wide_scale[first + i],
        &p->wide_zero[first + i]);
    for (size_t k = n; k % 4 != 0; k++) out[k] = 0;
  }
}

void loci_step_down(
    const loci_pass *p, const loci_packed_linear *linear, size_t from, size_t to, size_t panel_from,
    size_t panel_to, size_t worker) {
  loci_encoder_product product = {
      .in = wide_of(p, worker), .rows = to - from, .in_stride = p->wide_stride, .panel_from = panel_from,
      .panel_to = panel_to, .epilogue = LOCI_ENCODER_ADD, .out = p->states + from * p->states_stride,
      .out_stride = p->states_stride};
  if (p->model->format.precision == LOCI_ENCODER_INT8) {
    size_t first = worker * LOCI_BLOCK_ROWS;
    product.in = p->wide_narrow + first * p->wide_narrow_stride;
    product.in_stride = p->wide_narrow_stride;
    product.row_scale = p->wide_scale + first;
    product.row_zero = p->wide_zero + first;
  }
  run(p, linear, &product);
}

void loci_step_peaks(const loci_pass *p, size_t from, size_t to, float *peaks) {
  for (size_t i = from; i < to; i++) {
    const float *row = p->states + i * p->states_stride;
    for (size_t k = 0; k < p->hidden; k++) peaks[k] = fabsf(row[k]) > peaks[k] ? fabsf(row[k]) : peaks[k];
  }
}
