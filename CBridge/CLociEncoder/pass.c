#include "pass.h"

// Rows start on a cache line, an odd number of lines apart: those of a tile never fall into one set of the cache.
static size_t stride_of(size_t count, size_t size) {
  size_t lines = (count * size + 63) / 64;
  return (lines | 1) * 64 / size;
}

size_t loci_encoder_hidden_stride(const loci_encoder_shape *shape) { return stride_of(shape->hidden, sizeof(float)); }

// Numbers, not pointers: the size is learnt from a layout that starts at nought.
static void *take(uintptr_t *at, size_t bytes) {
  void *here = (void *)*at;
  *at += loci_round_up(bytes, 64);
  return here;
}

size_t loci_pass_layout(
    loci_pass *pass, const loci_encoder_model *model, const loci_encoder_batch *batch, loci_encoder_crew *crew,
    void *scratch) {
  const loci_encoder_shape *shape = &model->shape;
  loci_encoder_precision precision = model->format.precision;
  size_t size = precision == LOCI_ENCODER_BFLOAT16 ? sizeof(uint16_t) : sizeof(float);
  size_t narrow_size = precision == LOCI_ENCODER_BFLOAT16 ? sizeof(uint16_t) : sizeof(uint8_t);
  *pass = (loci_pass){.model = model, .kernels = model->kernels, .batch = batch, .crew = crew};
  pass->tokens = batch->starts[batch->texts];
  for (size_t t = 0; t < batch->texts; t++) {
    size_t length = batch->starts[t + 1] - batch->starts[t];
    pass->longest = length > pass->longest ? length : pass->longest;
  }
  pass->hidden = shape->hidden;
  pass->intermediate = shape->intermediate;
  pass->workers = loci_crew_size(crew);
  pass->half_attention = precision != LOCI_ENCODER_FLOAT32 && model->kernels->attention_bf16 != NULL;
  pass->states_stride = loci_encoder_hidden_stride(shape);
  pass->narrow_stride = stride_of(shape->hidden, narrow_size);
  pass->qkv_stride = stride_of(3 * shape->hidden, pass->half_attention ? sizeof(uint16_t) : sizeof(float));
  pass->context_stride = stride_of(shape->hidden, size);
  pass->wide_stride = stride_of(shape->intermediate, size);
  pass->wide_narrow_stride = stride_of(shape->intermediate, sizeof(uint8_t));
  pass->attention_bytes =
      loci_round_up(loci_encoder_attention_scratch(pass->longest, shape->hidden / shape->heads), 64);

  uintptr_t at = (uintptr_t)scratch;
  size_t rows = pass->tokens, block = LOCI_BLOCK_ROWS * pass->workers;
  pass->states = take(&at, rows * pass->states_stride * sizeof(float));
  if (precision != LOCI_ENCODER_FLOAT32) pass->narrow = take(&at, rows * pass->narrow_stride * narrow_size);
  // Attention may read 64 numbers past the last row.
  pass->qkv = take(&at, rows * pass->qkv_stride * (pass->half_attention ? 2 : 4) + 64 * sizeof(float));
  pass->context = take(&at, rows * pass->context_stride * size);
  pass->wide = take(&at, block * pass->wide_stride * size);
  if (precision == LOCI_ENCODER_INT8) {
    pass->row_scale = take(&at, rows * sizeof(float));
    pass->row_zero = take(&at, rows * sizeof(float));
    pass->wide_narrow = take(&at, block * pass->wide_narrow_stride);
    pass->wide_scale = take(&at, block * sizeof(float));
    pass->wide_zero = take(&at, block * sizeof(float));
  }
  pass->attention = take(&at, pass->workers * pass->attention_bytes);
  return at - (uintptr_t)scratch;
}

// Adds row `index` of a table.
static void add_row(const loci_pass *p, const loci_encoder_tensor *table, size_t index, float *row) {
  size_t n = p->hidden;
  float numbers[256];
  for (size_t at = 0; at < n; at += 256) {
    size_t count = loci_min(256, n - at);
    loci_encoder_tensor_floats(table, index * n + at, count, numbers);
    p->kernels->accumulate(row + at, numbers, count);
  }
}

void loci_pass_embed(const loci_pass *p) {
  const loci_encoder_embeddings *tables = &p->model->embeddings;
  size_t n = p->hidden, count = p->batch->texts;
  for (size_t t = 0; t < count; t++) {
    size_t start = p->batch->starts[t];
    for (size_t i = start; i < p->batch->starts[t + 1]; i++) {
      float *row = p->states + i * p->states_stride;
      loci_encoder_tensor_floats(&tables->word, (size_t)p->batch->ids[i] * n, n, row);
      add_row(p, &tables->position, p->model->shape.first_position + i - start, row);
      add_row(p, &tables->type, 0, row);
      p->kernels->norm(row, tables->norm_gain, tables->norm_bias, n, p->model->shape.layer_norm_epsilon);
    }
  }
}

void loci_pass_narrow(const loci_pass *p, size_t from, size_t to, const float *inverse) {
  size_t n = p->hidden;
  for (size_t i = from; i < to; i++) {
    const float *row = p->states + i * p->states_stride;
    switch (p->model->format.precision) {
      case LOCI_ENCODER_FLOAT32: return;
      case LOCI_ENCODER_BFLOAT16: {
        uint16_t *out = (uint16_t *)p->narrow + i * p->narrow_stride;
        p->kernels->to_bf16(row, out, n);
        if (n % 2 != 0) out[n] = 0;
        break;
      }
      case LOCI_ENCODER_INT8: {
        uint8_t *out = (uint8_t *)p->narrow + i * p->narrow_stride;
        p->kernels->quantize(row, inverse, out, n, &p->row_scale[i], &p->row_zero[i]);
        for (size_t k = n; k % 4 != 0; k++) out[k] = 0;
        break;
      }
    }
  }
}
