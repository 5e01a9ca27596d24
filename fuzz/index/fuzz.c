// Damaged images: every answer is an error or in bounds. The first byte picks image, query and settings; the rest are
// changes of four bytes: three of position, one of value. The header's checksum is put right again, so that its
// counts are damaged too.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "loci_math.h"

enum { ROWS = 300, DIMENSION = 20, IMAGES = 7, K = 17, QUERIES = 6 };

static float rows[ROWS * DIMENSION];
static uint8_t *images[IMAGES], *copy;
static size_t sizes[IMAGES];
static const loci_index_pool pool = {.width = 1};

static void require(int condition) {
  if (!condition) abort();
}

static void prepare(void) {
  uint32_t state = 1;
  for (size_t i = 0; i < ROWS * DIMENSION; i++) {
    state = state * 1664525u + 1013904223u;
    rows[i] = (float)(int32_t)state * 0x1p-31f + (float)(i / DIMENSION % 7 == i % 7);
  }
  size_t largest = 0;
  for (int i = 0; i < IMAGES; i++) {
    void *image;
    loci_index_build_report report;
    loci_index_metric metric = (loci_index_metric)(1 + i % 3);
    loci_index_build_options options = {.metric = metric, .batch_plane = i < 3, .tuning_queries = 20, .seed = 1};
    loci_index_status status =
        i < 6 ? loci_ivf_build(rows, ROWS, DIMENSION, &options, &pool, &image, &sizes[i], &report)
              : loci_flat_build(rows, ROWS, DIMENSION, LOCI_INDEX_EUCLIDEAN, &pool, &image, &sizes[i]);
    require(status == LOCI_INDEX_OK);
    images[i] = image;
    largest = sizes[i] > largest ? sizes[i] : largest;
  }
  copy = aligned_alloc(64, loci_round_up(largest, 64));
  require(copy != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (copy == NULL) prepare();
  if (size == 0) return 0;
  int which = data[0] % IMAGES;
  memcpy(copy, images[which], sizes[which]);
  for (size_t i = 1; i + 4 <= size; i += 4) {
    size_t at = (data[i] | data[i + 1] << 8 | data[i + 2] << 16) % sizes[which];
    copy[at] = data[i + 3];
  }
  uint32_t crc = loci_math_crc32c(0, copy, offsetof(loci_image_header, crc));
  memcpy(copy + offsetof(loci_image_header, crc), &crc, sizeof crc);
  loci_index *index;
  if (loci_index_open(copy, sizes[which], false, &index) != LOCI_INDEX_OK) return 0;
  loci_index_facts facts = loci_index_describe(index);
  if (facts.dimension == DIMENSION && facts.rows <= ROWS) {
    uint64_t live[(ROWS + 63) / 64];
    for (size_t i = 0; i < sizeof live / sizeof *live; i++) live[i] = UINT64_C(0x8421a5a5ff00ff11) >> (data[0] & 31);
    loci_index_parameters p = {.k = K, .recall = 0.9f};
    if ((data[0] & 1) != 0) p.probes = 3, p.candidates = 50;
    if ((data[0] & 2) != 0) p.live = live;
    if ((data[0] & 4) != 0) {
      p.originals = rows, p.originals_type = LOCI_INDEX_F32, p.originals_stride = DIMENSION * sizeof *rows;
    }
    uint32_t found[QUERIES * K], counts[QUERIES];
    float scores[QUERIES * K];
    loci_index_statistics statistics;
    size_t m = (data[0] & 8) != 0 ? QUERIES : 1;
    if (loci_index_search(index, rows, m, &p, &pool, found, scores, counts, &statistics) == LOCI_INDEX_OK) {
      for (size_t q = 0; q < m; q++) {
        require(counts[q] <= K);
        for (uint32_t i = 0; i < counts[q]; i++) require(found[q * K + i] < facts.rows);
      }
    }
    float row[DIMENSION];
    loci_index_reconstruct(index, facts.rows - 1, row);
  }
  loci_index_close(index);
  return 0;
}
