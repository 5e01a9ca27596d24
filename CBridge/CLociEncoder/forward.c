#include "loci_encoder.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

// Feed-forward rows at a time: their wide activations stay in the second-level cache.
enum { CHUNK_ROWS = 128 };

typedef struct pass {
  const loci_encoder_kernels *kernels;
  const loci_encoder_shape *shape;
  const size_t *starts;
  size_t texts, tokens;
  float *hidden;  // (tokens, hidden)
  float *qkv;     // (tokens, 3 × hidden)
  float *context; // (tokens, hidden)
  float *wide;    // (CHUNK_ROWS, intermediate)
  float *scores;  // (longest, longest)
} pass;

// out (rows, n_out) = in (rows, n_in) · weightᵀ + bias.
static void linear(
    const pass *p, const float *in, size_t rows, size_t n_in, const float *weight, const float *bias,
    size_t n_out, float *out) {
  cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)n_out, (int)n_in, 1.0f, in, (int)n_in, weight,
      (int)n_in, 0.0f, out, (int)n_out);
  for (size_t r = 0; r < rows; r++) p->kernels->add_bias(out + r * n_out, bias, n_out);
}

static void embed(const pass *p, const loci_encoder_weights *weights, const int32_t *ids) {
  size_t n = p->shape->hidden;
  for (size_t t = 0; t < p->texts; t++) {
    for (size_t i = p->starts[t]; i < p->starts[t + 1]; i++) {
      const float *position = weights->position + (p->shape->first_position + i - p->starts[t]) * n;
      float *row = p->hidden + i * n;
      memcpy(row, weights->word + (size_t)ids[i] * n, n * sizeof *row);
      p->kernels->accumulate(row, position, n);
      p->kernels->add_norm(
          row, weights->type, weights->norm_gain, weights->norm_bias, n, p->shape->layer_norm_epsilon);
    }
  }
}

// One text, one head: softmax(Q·Kᵀ / √d) · V.
static void attend(const pass *p, size_t start, size_t length, size_t head) {
  size_t n = p->shape->hidden, d = n / p->shape->heads, stride = 3 * n;
  const float *query = p->qkv + start * stride + head * d;
  const float *key = query + n, *value = query + 2 * n;
  float scale = 1.0f / sqrtf((float)d);
  cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, (int)length, (int)length, (int)d, 1.0f, query, (int)stride, key,
      (int)stride, 0.0f, p->scores, (int)length);
  for (size_t r = 0; r < length; r++) p->kernels->softmax(p->scores + r * length, length, scale);
  cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)length, (int)d, (int)length, 1.0f, p->scores, (int)length,
      value, (int)stride, 0.0f, p->context + start * n + head * d, (int)n);
}

static void attention(const pass *p, const loci_encoder_layer *layer) {
  size_t n = p->shape->hidden;
  linear(p, p->hidden, p->tokens, n, layer->qkv_weight, layer->qkv_bias, 3 * n, p->qkv);
  for (size_t t = 0; t < p->texts; t++) {
    size_t start = p->starts[t], length = p->starts[t + 1] - start;
    for (size_t head = 0; head < p->shape->heads; head++) attend(p, start, length, head);
  }
  // The projection goes where the queries were: they are not needed any more.
  float *projected = p->qkv;
  linear(p, p->context, p->tokens, n, layer->output_weight, layer->output_bias, n, projected);
  for (size_t i = 0; i < p->tokens; i++) {
    p->kernels->add_norm(
        p->hidden + i * n, projected + i * n, layer->attention_norm_gain, layer->attention_norm_bias, n,
        p->shape->layer_norm_epsilon);
  }
}

static void feed_forward(const pass *p, const loci_encoder_layer *layer) {
  size_t n = p->shape->hidden, wide = p->shape->intermediate;
  for (size_t start = 0; start < p->tokens; start += CHUNK_ROWS) {
    size_t rows = p->tokens - start < CHUNK_ROWS ? p->tokens - start : CHUNK_ROWS;
    float *hidden = p->hidden + start * n, *down = p->context + start * n;
    linear(p, hidden, rows, n, layer->up_weight, layer->up_bias, wide, p->wide);
    p->kernels->gelu(p->wide, rows * wide);
    linear(p, p->wide, rows, wide, layer->down_weight, layer->down_bias, n, down);
    for (size_t r = 0; r < rows; r++) {
      p->kernels->add_norm(
          hidden + r * n, down + r * n, layer->output_norm_gain, layer->output_norm_bias, n,
          p->shape->layer_norm_epsilon);
    }
  }
}

size_t loci_encoder_scratch_count(const loci_encoder_shape *shape, size_t tokens, size_t longest) {
  return tokens * 4 * shape->hidden + CHUNK_ROWS * shape->intermediate + longest * longest;
}

bool loci_encoder_forward(
    const loci_encoder_kernels *kernels, const loci_encoder_shape *shape, const loci_encoder_weights *weights,
    const int32_t *ids, const size_t *starts, size_t texts, float *hidden, float *scratch,
    const bool *cancelled) {
  size_t tokens = starts[texts];
  pass p = {.kernels = kernels, .shape = shape, .starts = starts, .texts = texts, .tokens = tokens, .hidden = hidden};
  p.qkv = scratch;
  p.context = p.qkv + tokens * 3 * shape->hidden;
  p.wide = p.context + tokens * shape->hidden;
  p.scores = p.wide + CHUNK_ROWS * shape->intermediate;
  embed(&p, weights, ids);
  for (size_t l = 0; l < shape->layers; l++) {
    if (cancelled != NULL && *(const volatile bool *)cancelled) return false;
    attention(&p, &weights->layers[l]);
    feed_forward(&p, &weights->layers[l]);
  }
  return true;
}

void loci_encoder_mean(
    const loci_encoder_kernels *kernels, const float *rows, size_t tokens, size_t n, float *mean) {
  memcpy(mean, rows, n * sizeof *mean);
  for (size_t t = 1; t < tokens; t++) kernels->accumulate(mean, rows + t * n, n);
  float inverse = 1.0f / (float)tokens;
  for (size_t i = 0; i < n; i++) mean[i] *= inverse;
}
