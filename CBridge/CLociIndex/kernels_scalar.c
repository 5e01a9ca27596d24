// The reference: one obvious loop each. Every other level is tested against these.
#include "kernels.h"
#include "scalar_kernels.inc"

static void int8_tile(const uint8_t *codes, size_t blocks, size_t groups, const int8_t *queries,
                      const int32_t *sums, size_t count, int32_t *scores, size_t stride) {
  (void)sums;
  for (size_t q = 0; q < count; q++) {
    for (size_t r = 0; r < blocks * 16; r++) {
      int32_t sum = 0;
      for (size_t g = 0; g < groups; g++) {
        const uint8_t *code = codes + ((r / 16 * groups + g) * 16 + r % 16) * 4;
        const int8_t *query = queries + (g * count + q) * 4;
        for (int j = 0; j < 4; j++) sum += (code[j] - 128) * query[j];
      }
      scores[q * stride + r] = sum;
    }
  }
}

static void pq4_scan(const uint8_t *codes, size_t blocks, size_t subspaces, const uint8_t *tables, size_t count,
                     uint16_t *scores, size_t stride, const uint8_t *next) {
  (void)next;
  for (size_t q = 0; q < count; q++) {
    const uint8_t *table = tables + q * subspaces * 16;
    for (size_t r = 0; r < blocks * 32; r++) {
      const uint8_t *block = codes + r / 32 * (subspaces / 2) * 32 + pq4_byte(r % 32);
      unsigned sum = 0;
      for (size_t m = 0; m < subspaces; m += 2) {
        uint8_t pair = block[m / 2 * 32];
        sum += table[m * 16 + (pair & 15)] + table[m * 16 + 16 + (pair >> 4)];
      }
      scores[q * stride + r] = (uint16_t)sum;
    }
  }
}

LOCI_DEFINE_APPEND(append_int32, int32_t)
LOCI_DEFINE_APPEND(append_uint16, uint16_t)

static void int8_rows(const uint8_t *rows, size_t stride, const uint32_t *ids, size_t n, const int8_t *high,
                      const int8_t *low, int64_t *out) {
  for (size_t i = 0; i < n; i++) {
    const uint8_t *row = rows + ids[i] * stride;
    int64_t sum = 0;
    for (size_t j = 0; j < stride; j++) sum += (int64_t)(row[j] - 128) * (128 * high[j] + low[j]);
    out[i] = sum;
  }
}

static void group_maxima(const int32_t *raw, const float *bias, size_t n, float scale, float *scores,
                         float *maxima) {
  for (size_t i = 0; i < n; i++) {
    scores[i] = (float)raw[i] * scale + bias[i];
    float *most = maxima + i / 128 * 16 + i % 16;
    *most = i % 128 < 16 ? scores[i] : fmaxf(*most, scores[i]);
  }
}

static void range(const float *scores, size_t n, float *least, float *greatest) {
  *least = *greatest = scores[0];
  for (size_t i = 1; i < n; i++) *least = fminf(*least, scores[i]), *greatest = fmaxf(*greatest, scores[i]);
}

static size_t count_at_least(const float *scores, size_t n, float threshold) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) count += scores[i] >= threshold;
  return count;
}

static size_t best_int32(const int32_t *raw, const float *bias, size_t n, float scale) {
  size_t best = 0;
  float top = -INFINITY;
  for (size_t i = 0; i < n; i++) {
    float score = (float)raw[i] * scale + bias[i];
    if (score > top) top = score, best = i;
  }
  return best;
}

static void project(const float *matrix, size_t d, size_t panels, const float *queries, size_t count,
                    float *out) {
  for (size_t q = 0; q < count; q++) {
    for (size_t o = 0; o < panels * 16; o++) {
      float sum = 0;
      for (size_t j = 0; j < d; j++) sum += matrix[(o / 16 * d + j) * 16 + o % 16] * queries[q * d + j];
      out[q * panels * 16 + o] = sum;
    }
  }
}

static void pq4_products(const float *codebook, size_t subspaces, size_t width, const float *query, float *out) {
  for (size_t m = 0; m < subspaces; m++) {
    for (size_t c = 0; c < 16; c++) {
      float sum = 0;
      for (size_t j = 0; j < width; j++) sum += codebook[(m * width + j) * 16 + c] * query[m * width + j];
      out[m * 16 + c] = sum;
    }
  }
}

static void pq4_encode(const float *codebook, size_t subspaces, size_t width, const float *columns,
                       uint8_t *codes) {
  for (size_t m = 0; m < subspaces; m++) {
    for (size_t r = 0; r < 16; r++) {
      float least = INFINITY;
      for (size_t c = 0; c < 16; c++) {
        float distance = 0;
        for (size_t j = 0; j < width; j++) {
          float difference = columns[(m * width + j) * 16 + r] - codebook[(m * width + j) * 16 + c];
          distance += difference * difference;
        }
        if (distance < least) least = distance, codes[m * 16 + r] = (uint8_t)c;
      }
    }
  }
}

#include "quantise.inc"
#include "keep.inc"

const loci_index_kernels loci_index_kernels_scalar = {
    .isa = LOCI_INDEX_ISA_SCALAR,
    .int8_tile = int8_tile,
    .pq4_scan = pq4_scan,
    .append_int32 = append_int32,
    .append_uint16 = append_uint16,
    .int8_rows = int8_rows,
    .keep_at_least = keep_at_least,
    .group_maxima = group_maxima,
    .range = range,
    .count_at_least = count_at_least,
    .best_int32 = best_int32,
    .project = project,
    .pq4_products = pq4_products,
    .pq4_encode = pq4_encode,
    .pq4_quantise = pq4_quantise,
};
