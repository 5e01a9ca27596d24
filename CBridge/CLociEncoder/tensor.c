#include "loci_encoder.h"
#include "product.h"

static float widen_f16(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 0x1Fu, mantissa = half & 0x3FFu;
  uint32_t bits;
  if (exponent == 0x1F) {
    bits = sign | 0x7F800000u | mantissa << 13;
  } else if (exponent != 0) {
    bits = sign | (exponent + 112) << 23 | mantissa << 13;
  } else {
    float small = (float)mantissa * 0x1p-24f;
    return sign ? -small : small;
  }
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// No number has all bits of its exponent set.
static bool all_finite(const float *numbers, size_t count) {
  uint32_t found = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, numbers + i, sizeof bits);
    found |= (bits & 0x7F800000u) == 0x7F800000u;
  }
  return found == 0;
}

bool loci_encoder_tensor_floats(const loci_encoder_tensor *tensor, size_t from, size_t count, float *out) {
  const char *data = tensor->data;
  switch (tensor->number) {
    case LOCI_ENCODER_F32: memcpy(out, data + from * 4, count * 4); break;
    case LOCI_ENCODER_F16:
      for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, data + (from + i) * 2, sizeof half);
        out[i] = widen_f16(half);
      }
      break;
    case LOCI_ENCODER_BF16:
      for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, data + (from + i) * 2, sizeof half);
        out[i] = loci_from_bf16(half);
      }
      break;
  }
  return all_finite(out, count);
}

bool loci_encoder_tensor_is_finite(const loci_encoder_tensor *tensor, size_t count) {
  float numbers[4096];
  for (size_t at = 0; at < count; at += 4096) {
    if (!loci_encoder_tensor_floats(tensor, at, loci_min(4096, count - at), numbers)) return false;
  }
  return true;
}

uint64_t loci_encoder_tensor_sample(const loci_encoder_tensor *tensor, size_t count, uint64_t hash) {
  size_t step = count / 4096 + 1;
  for (size_t at = 0; at < count; at += step) {
    float number;
    uint32_t bits;
    loci_encoder_tensor_floats(tensor, at, 1, &number);
    memcpy(&bits, &number, sizeof bits);
    hash = (hash ^ bits) * 0x00000100000001B3u;
  }
  return hash;
}
