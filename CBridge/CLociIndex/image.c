#include "image.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "loci_math.h"

static const char magic[8] = {'L', 'O', 'C', 'I', 'V', 'I', 'D', 'X'};

bool loci_image_lengths(const loci_image_header *h, uint64_t *lengths) {
  if (h->n == 0 || h->n >= 1u << 31 || h->d == 0 || h->d > 4096) return false;
  if (h->metric < LOCI_INDEX_COSINE || h->metric > LOCI_INDEX_EUCLIDEAN) return false;
  memset(lengths, 0, SECTIONS * sizeof *lengths);
  uint64_t n = h->n, d = h->d;
  lengths[SECTION_ORIGIN] = 4 * d;
  lengths[SECTION_ROWS] = n * loci_round_up(d, 64);
  lengths[SECTION_ROW_STEPS] = 4 * n;
  lengths[SECTION_ROW_BIAS] = h->metric == LOCI_INDEX_EUCLIDEAN ? 4 * n : 0;
  if (h->kind == LOCI_KIND_FLAT) {
    return h->lists == 0 && h->subspaces == 0 && h->width == 0 && h->head == 0 && h->blocks == 0 &&
           h->points == 0;
  }
  if (h->kind != LOCI_KIND_IVF) return false;
  if (h->lists == 0 || h->lists > h->n || h->head == 0 || h->head % 16 != 0 || h->head > 4096) return false;
  if (h->subspaces == 0 || h->subspaces % 4 != 0 || h->subspaces > 1040 || h->width == 0 || h->width > 4096 ||
      (uint64_t)h->subspaces * h->width < d || (uint64_t)h->subspaces * h->width > d + 4 * (uint64_t)h->width)
    return false;
  // Two entries a row, and less than one block of padding a list.
  if (h->blocks < (n + 31) / 32 || h->blocks > 2 * n / 32 + h->lists + 1 || h->points > 1024) return false;
  uint64_t lists_padded = loci_round_up(h->lists, 128), blocks = h->blocks, head = h->head;
  bool euclidean = h->metric == LOCI_INDEX_EUCLIDEAN;
  bool plane = h->sections[SECTION_PLANE].length != 0;
  lengths[SECTION_HEAD_MATRIX] = 4 * head * d;
  lengths[SECTION_HEAD_STEP] = 4 * head;
  lengths[SECTION_CENTROID_CODES] = lists_padded * head;
  lengths[SECTION_CENTROID_BIAS] = 4 * lists_padded;
  lengths[SECTION_MEANS] = 4 * d * h->lists;
  lengths[SECTION_LIST_BLOCKS] = 4 * ((uint64_t)h->lists + 1);
  lengths[SECTION_LIST_COUNTS] = 4 * (uint64_t)h->lists;
  lengths[SECTION_ENTRY_ROWS] = 128 * blocks;
  lengths[SECTION_ENTRY_BIAS] = euclidean ? 128 * blocks : 0;
  lengths[SECTION_CODEBOOK] = 64 * (uint64_t)h->subspaces * h->width;
  lengths[SECTION_CODES] = 16 * blocks * h->subspaces;
  lengths[SECTION_PLANE] = plane ? 32 * blocks * head : 0;
  lengths[SECTION_PLANE_BIAS] = plane && euclidean ? 128 * blocks : 0;
  lengths[SECTION_CURVE] = sizeof(loci_index_curve_point) * (uint64_t)h->points;
  return true;
}

uint8_t *loci_image_allocate(loci_image_header *h, bool has_plane) {
  memcpy(h->magic, magic, 8);
  h->version = LOCI_IMAGE_VERSION;
  uint64_t lengths[SECTIONS];
  h->sections[SECTION_PLANE].length = has_plane;
  if (!loci_image_lengths(h, lengths)) return NULL;
  uint64_t at = loci_round_up(sizeof *h, 64);
  for (int s = 0; s < SECTIONS; s++) {
    h->sections[s] = (loci_image_section){.offset = at, .length = lengths[s]};
    at += loci_round_up(lengths[s], 64);
  }
  h->bytes = at;
  return loci_rows_alloc(at);
}

void loci_image_seal(uint8_t *image, loci_image_header *h) {
  for (int s = 0; s < SECTIONS; s++) {
    h->sections[s].crc = loci_math_crc32c(0, image + h->sections[s].offset, h->sections[s].length);
  }
  h->crc = loci_math_crc32c(0, h, offsetof(loci_image_header, crc));
  memcpy(image, h, sizeof *h);
}

void loci_image_view(const uint8_t *image, const loci_image_header *h, loci_index *index) {
  *index = (loci_index){.header = *h, .image = image, .row_bytes = loci_round_up(h->d, 64),
                        .lists_padded = loci_round_up(h->lists, 128), .groups = h->head / 4,
                        .kernels = loci_index_kernels_get(LOCI_INDEX_ISA_AVX512)};
#define AT(s) (h->sections[s].length != 0 ? (const void *)(image + h->sections[s].offset) : NULL)
  index->origin = AT(SECTION_ORIGIN);
  index->head_matrix = AT(SECTION_HEAD_MATRIX);
  index->head_step = AT(SECTION_HEAD_STEP);
  index->centroid_codes = AT(SECTION_CENTROID_CODES);
  index->centroid_bias = AT(SECTION_CENTROID_BIAS);
  index->means = AT(SECTION_MEANS);
  index->list_blocks = AT(SECTION_LIST_BLOCKS);
  index->list_counts = AT(SECTION_LIST_COUNTS);
  index->entry_rows = AT(SECTION_ENTRY_ROWS);
  index->entry_bias = AT(SECTION_ENTRY_BIAS);
  index->codebook = AT(SECTION_CODEBOOK);
  index->codes = AT(SECTION_CODES);
  index->plane = AT(SECTION_PLANE);
  index->plane_bias = AT(SECTION_PLANE_BIAS);
  index->rows = AT(SECTION_ROWS);
  index->row_steps = AT(SECTION_ROW_STEPS);
  index->row_bias = AT(SECTION_ROW_BIAS);
  index->curve = AT(SECTION_CURVE);
#undef AT
}

loci_index_status loci_image_check_lists(loci_index *index) {
  const loci_image_header *h = &index->header;
  index->longest = 0;
  if (index->list_blocks[0] != 0 || index->list_blocks[h->lists] != h->blocks) return LOCI_INDEX_OUT_OF_BOUNDS;
  for (uint32_t l = 0; l < h->lists; l++) {
    uint32_t first = index->list_blocks[l], next = index->list_blocks[l + 1];
    if (next < first || index->list_counts[l] > 32 * (uint64_t)(next - first)) return LOCI_INDEX_OUT_OF_BOUNDS;
    if (index->list_counts[l] > index->longest) index->longest = index->list_counts[l];
  }
  return LOCI_INDEX_OK;
}

static loci_index_status verify_sections(const loci_index *index) {
  const loci_image_header *h = &index->header;
  for (int s = 0; s < SECTIONS; s++) {
    const loci_image_section *section = &h->sections[s];
    if (loci_math_crc32c(0, index->image + section->offset, section->length) != section->crc)
      return LOCI_INDEX_BAD_CHECKSUM;
  }
  return LOCI_INDEX_OK;
}

loci_index_status loci_index_open(const void *image, size_t bytes, bool verify, loci_index **result) {
  loci_image_header h;
  *result = NULL;
  if (bytes < sizeof h || (uintptr_t)image % 64 != 0) return LOCI_INDEX_NOT_AN_IMAGE;
  memcpy(&h, image, sizeof h);
  if (memcmp(h.magic, magic, 8) != 0) return LOCI_INDEX_NOT_AN_IMAGE;
  if (h.version != LOCI_IMAGE_VERSION) return LOCI_INDEX_NEWER_VERSION;
  if (loci_math_crc32c(0, &h, offsetof(loci_image_header, crc)) != h.crc) return LOCI_INDEX_BAD_CHECKSUM;
  uint64_t lengths[SECTIONS];
  if (!loci_image_lengths(&h, lengths) || h.bytes > bytes) return LOCI_INDEX_OUT_OF_BOUNDS;
  for (int s = 0; s < SECTIONS; s++) {
    const loci_image_section *section = &h.sections[s];
    if (section->length != lengths[s] || section->offset % 64 != 0 || section->offset > h.bytes ||
        section->length > h.bytes - section->offset)
      return LOCI_INDEX_OUT_OF_BOUNDS;
  }
  loci_index *index = malloc(sizeof *index);
  if (index == NULL) return LOCI_INDEX_OUT_OF_MEMORY;
  loci_image_view(image, &h, index);
  loci_index_status status = verify ? verify_sections(index) : LOCI_INDEX_OK;
  if (status == LOCI_INDEX_OK && h.kind == LOCI_KIND_IVF) status = loci_image_check_lists(index);
  if (status != LOCI_INDEX_OK) {
    free(index);
    return status;
  }
  *result = index;
  return LOCI_INDEX_OK;
}

void loci_index_close(loci_index *index) {
  if (index == NULL) return;
  loci_image_release(index);
  free(index);
}

void loci_image_release(loci_index *index) {
  for (int i = 0; i < LOCI_WORKERS_KEPT; i++) free(atomic_exchange(&index->kept[i], NULL));
}

loci_index_facts loci_index_describe(const loci_index *index) {
  const loci_image_header *h = &index->header;
  size_t entries = 0;
  for (uint32_t l = 0; l < h->lists; l++) entries += index->list_counts[l];
  return (loci_index_facts){.kind = h->kind, .metric = h->metric, .rows = h->n, .dimension = h->d,
                            .lists = h->lists, .entries = entries, .subspaces = h->subspaces, .head = h->head,
                            .bytes = h->bytes, .curve_points = h->points, .batch_plane = index->plane != NULL};
}

loci_index_curve_point loci_index_curve_at(const loci_index *index, size_t point) {
  return index->curve[point];
}

void loci_index_reconstruct(const loci_index *index, size_t row, float *out) {
  const uint8_t *code = index->rows + row * index->row_bytes;
  float step = index->row_steps[row];
  for (size_t j = 0; j < index->header.d; j++) out[j] = ((int)code[j] - 128) * step + index->origin[j];
}
