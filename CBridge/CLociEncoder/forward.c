// The order of work in a layer. Alone, blocks of rows go through everything after attention at once. With a crew a
// long text is shared out by such blocks, and a short one, which is one block, by panels of each product.
#include "forward_steps.h"

typedef struct layer_task {
  const loci_pass *pass;
  const loci_packed_layer *layer;
  const float *next;
  float *peaks;
  size_t block_rows;
} layer_task;

static void rows_of(const layer_task *t, size_t index, size_t *from, size_t *to) {
  *from = index * t->block_rows;
  *to = loci_min(*from + t->block_rows, t->pass->tokens);
}

static void qkv_rows(void *context, size_t index, size_t worker) {
  const layer_task *t = context;
  size_t from, to;
  (void)worker;
  rows_of(t, index, &from, &to);
  loci_step_qkv(t->pass, &t->layer->qkv, from, to, 0, loci_panels_of(&t->pass->model->format, t->layer->qkv.columns));
}

static void heads(void *context, size_t index, size_t worker) {
  const layer_task *t = context;
  size_t heads = t->pass->model->shape.heads;
  loci_step_attention(t->pass, index / heads, index % heads, worker);
}

// Everything after attention for a block of rows.
static void rest_rows(void *context, size_t index, size_t worker) {
  const layer_task *t = context;
  const loci_pass *p = t->pass;
  const loci_encoder_format *format = &p->model->format;
  size_t from, to;
  rows_of(t, index, &from, &to);
  loci_step_narrow_context(p, from, to);
  loci_step_output(p, &t->layer->output, from, to, 0, loci_panels_of(format, t->layer->output.columns));
  loci_step_norm(p, t->layer->attention_norm_gain, t->layer->attention_norm_bias, t->layer->up.inverse, from, to);
  if (t->peaks != NULL) loci_step_peaks(p, from, to, t->peaks + p->hidden);
  loci_step_up(p, &t->layer->up, from, to, 0, loci_panels_of(format, t->layer->up.columns), worker);
  loci_step_narrow_wide(p, 0, to - from, worker);
  loci_step_down(p, &t->layer->down, from, to, 0, loci_panels_of(format, t->layer->down.columns), worker);
  loci_step_norm(p, t->layer->output_norm_gain, t->layer->output_norm_bias, t->next, from, to);
}

// The same for the only block, a product's panel or a few rows at a time.
static void qkv_panel(void *context, size_t index, size_t worker) {
  const layer_task *t = context;
  (void)worker;
  loci_step_qkv(t->pass, &t->layer->qkv, 0, t->pass->tokens, index, index + 1);
}

static void context_rows(void *context, size_t index, size_t worker) {
  const layer_task *t = context;
  size_t from, to;
  (void)worker;
  rows_of(t, index, &from, &to);
  loci_step_narrow_context(t->pass, from, to);
}

static void output_panel(void *context, size_t index, size_t worker) {
  const layer_task *t = context;
  (void)worker;
  loci_step_output(t->pass, &t->layer->output, 0, t->pass->tokens, index, index + 1);
}

static void attention_norm_rows(void *context, size_t index, size_t worker) {
  const layer_task *t = context;
  size_t from, to;
  (void)worker;
  rows_of(t, index, &from, &to);
  loci_step_norm(
      t->pass, t->layer->attention_norm_gain, t->layer->attention_norm_bias, t->layer->up.inverse, from, to);
}

static void up_panel(void *context, size_t index, size_t worker) {
  const layer_task *t = context;
  (void)worker;
  loci_step_up(t->pass, &t->layer->up, 0, t->pass->tokens, index, index + 1, 0);
}

static void wide_rows(void *context, size_t index, size_t worker) {
  const layer_task *t = context;
  size_t from, to;
  (void)worker;
  rows_of(t, index, &from, &to);
  loci_step_narrow_wide(t->pass, from, to, 0);
}

static void down_panel(void *context, size_t index, size_t worker) {
  const layer_task *t = context;
  (void)worker;
  loci_step_down(t->pass, &t->layer->down, 0, t->pass->tokens, index, index + 1, 0);
}

static void output_norm_rows(void *context, size_t index, size_t worker) {
  const layer_task *t = context;
  size_t from, to;
  (void)worker;
  rows_of(t, index, &from, &to);
  loci_step_norm(t->pass, t->layer->output_norm_gain, t->layer->output_norm_bias, t->next, from, to);
}

static void run_by_panels(layer_task *t) {
  const loci_pass *p = t->pass;
  const loci_encoder_format *format = &p->model->format;
  loci_encoder_crew *crew = p->crew;
  bool quantized = format->precision == LOCI_ENCODER_INT8;
  t->block_rows = 4;
  size_t blocks = (p->tokens + t->block_rows - 1) / t->block_rows;
  loci_crew_run(crew, loci_panels_of(format, t->layer->qkv.columns), qkv_panel, t);
  loci_crew_run(crew, p->batch->texts * p->model->shape.heads, heads, t);
  if (quantized || p->hidden % 2 != 0) loci_crew_run(crew, blocks, context_rows, t);
  loci_crew_run(crew, loci_panels_of(format, t->layer->output.columns), output_panel, t);
  loci_crew_run(crew, blocks, attention_norm_rows, t);
  loci_crew_run(crew, loci_panels_of(format, t->layer->up.columns), up_panel, t);
  if (quantized) loci_crew_run(crew, blocks, wide_rows, t);
  loci_crew_run(crew, loci_panels_of(format, t->layer->down.columns), down_panel, t);
  loci_crew_run(crew, blocks, output_norm_rows, t);
}

void loci_pass_layer(const loci_pass *p, const loci_packed_layer *layer, const float *next, float *peaks) {
  layer_task t = {.pass = p, .layer = layer, .next = next, .peaks = peaks, .block_rows = LOCI_BLOCK_ROWS};
  if (peaks != NULL) loci_step_peaks(p, 0, p->tokens, peaks);
  if (p->crew != NULL && p->tokens <= LOCI_BLOCK_ROWS && p->model->format.panel != 0) {
    run_by_panels(&t);
    return;
  }
  if (p->crew != NULL) {  // some blocks for each worker, so that the last to finish is not waited for long
    size_t share = loci_round_up((p->tokens + 2 * p->workers - 1) / (2 * p->workers), 8);
    t.block_rows = loci_min(LOCI_BLOCK_ROWS, share < 16 ? 16 : share);
  }
  size_t blocks = (p->tokens + t.block_rows - 1) / t.block_rows;
  loci_crew_run(p->crew, blocks, qkv_rows, &t);
  loci_crew_run(p->crew, p->batch->texts * p->model->shape.heads, heads, &t);
  loci_crew_run(p->crew, blocks, rest_rows, &t);
}

static loci_packed_layer layer_of(const loci_encoder_model *model, size_t index) {
  size_t bytes = loci_encoder_layer_bytes(&model->shape, &model->format);
  return loci_packed_layer_at(&model->shape, &model->format, (const char *)model->packed + index * bytes);
}

size_t loci_encoder_scratch_bytes(
    const loci_encoder_model *model, const loci_encoder_batch *batch, const loci_encoder_crew *crew) {
  loci_pass pass;
  return loci_pass_layout(&pass, model, batch, (loci_encoder_crew *)(uintptr_t)crew, NULL);
}

static bool run_all(loci_pass *p, float *vectors, const bool *cancelled) {
  const loci_encoder_model *model = p->model;
  loci_packed_layer layer = layer_of(model, 0);
  loci_pass_embed(p);
  loci_pass_narrow(p, 0, p->tokens, layer.qkv.inverse);
  for (size_t l = 0; l < model->shape.layers; l++) {
    if (cancelled != NULL && *(const volatile bool *)cancelled) return false;
    bool last = l + 1 == model->shape.layers;
    loci_packed_layer next = last ? layer : layer_of(model, l + 1);
    loci_pass_layer(p, &layer, next.qkv.inverse, NULL);
    layer = next;
  }
  loci_encoder_pool(model, p->batch, p->states, vectors);
  return true;
}

bool loci_encoder_encode(
    const loci_encoder_model *model, const loci_encoder_batch *batch, loci_encoder_crew *crew, void *scratch,
    float *vectors, const bool *cancelled) {
  loci_pass pass;
  if (crew != NULL && !loci_crew_begin(crew)) crew = NULL;
  loci_pass_layout(&pass, model, batch, crew, scratch);
  bool finished = run_all(&pass, vectors, cancelled);
  if (crew != NULL) loci_crew_end(crew);
  return finished;
}

void loci_encoder_embed(const loci_encoder_model *model, const loci_encoder_batch *batch, float *states) {
  loci_pass pass;
  loci_pass_layout(&pass, model, batch, NULL, NULL);
  pass.states = states;
  loci_pass_embed(&pass);
}

void loci_encoder_run_layer(
    const loci_encoder_model *model, const void *packed_layer, const loci_encoder_batch *batch, float *states,
    void *scratch, float *peaks) {
  loci_pass pass;
  loci_pass_layout(&pass, model, batch, NULL, scratch);
  pass.states = states;
  loci_packed_layer layer = loci_packed_layer_at(&model->shape, &model->format, packed_layer);
  loci_pass_narrow(&pass, 0, pass.tokens, layer.qkv.inverse);
  loci_pass_layer(&pass, &layer, layer.qkv.inverse, peaks);
}

void loci_encoder_pool(
    const loci_encoder_model *model, const loci_encoder_batch *batch, const float *states, float *vectors) {
  size_t n = model->shape.hidden, stride = loci_encoder_hidden_stride(&model->shape);
  for (size_t t = 0; t < batch->texts; t++) {
    float *vector = vectors + t * n;
    const float *rows = states + batch->starts[t] * stride;
    size_t count = model->pooling == LOCI_ENCODER_FIRST ? 1 : batch->starts[t + 1] - batch->starts[t];
    memcpy(vector, rows, n * sizeof *vector);
    for (size_t i = 1; i < count; i++) model->kernels->accumulate(vector, rows + i * stride, n);
    float inverse = 1.0f / (float)count;
    for (size_t i = 0; i < n; i++) vector[i] *= inverse;
    if (model->normalizes) model->kernels->normalize(vector, n);
  }
}
