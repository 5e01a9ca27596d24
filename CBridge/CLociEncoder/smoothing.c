#include "loci_encoder.h"

#include "product.h"

#include <math.h>

// Raises `peaks`, (depth), to the magnitudes of the weight's columns.
static void raise(const loci_encoder_tensor *weight, size_t rows, size_t depth, float *peaks) {
  float numbers[256];
  for (size_t r = 0; r < rows; r++) {
    for (size_t k = 0; k < depth; k += 256) {
      size_t count = loci_min(256, depth - k);
      loci_encoder_tensor_floats(weight, r * depth + k, count, numbers);
      for (size_t i = 0; i < count; i++) {
        float v = fabsf(numbers[i]);
        peaks[k + i] = v > peaks[k + i] ? v : peaks[k + i];
      }
    }
  }
}

static void divide(const float *peaks, float *smoothing, size_t n) {
  for (size_t i = 0; i < n; i++) {
    float ratio = sqrtf(fmaxf(peaks[i], 1e-5f) / fmaxf(smoothing[i], 1e-5f));
    smoothing[i] = fminf(fmaxf(ratio, 1e-3f), 1e3f);
  }
}

void loci_encoder_smoothing(
    const loci_encoder_shape *shape, const loci_encoder_layer *layer, const float *peaks, float *smoothing) {
  size_t h = shape->hidden;
  for (size_t i = 0; i < 2 * h; i++) smoothing[i] = 0;
  raise(&layer->query_weight, h, h, smoothing);
  raise(&layer->key_weight, h, h, smoothing);
  raise(&layer->value_weight, h, h, smoothing);
  raise(&layer->up_weight, shape->intermediate, h, smoothing + h);
  divide(peaks, smoothing, h);
  divide(peaks + h, smoothing + h, h);
}
