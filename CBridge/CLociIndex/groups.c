// Groups of neighbouring lists: a coarse level above the centroids, made when an image is opened.
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

// Fewer lists are all looked at.
enum { LISTS_MIN = 2048 };

static uint8_t code_at(const loci_index *index, size_t list, size_t j) {
  return index->centroid_codes[((list / 16 * index->groups + j / 4) * 16 + list % 16) * 4 + j % 4];
}

// One group: the mean of its centroids. Euclidean, its bias is that of the mean, which lies nearer to queries in the
// midst of a wide group than its centroids do on the average.
static void make_group(loci_index *index, size_t group) {
  size_t head = index->header.head, first = group * LOCI_GROUP_LISTS, lists = index->header.lists;
  size_t count = lists - first < LOCI_GROUP_LISTS ? lists - first : LOCI_GROUP_LISTS;
  float bias = 0, spread = 0;
  for (size_t j = 0; j < head; j++) {
    int sum = 0, squares = 0;
    for (size_t l = first; l < first + count; l++) {
      int code = (int)code_at(index, l, j) - 128;
      sum += code, squares += code * code;
    }
    float mean = (float)sum / (float)count, step = index->head_step[j];
    int code = (int)(mean + (mean >= 0 ? 0.5f : -0.5f));
    spread += ((float)squares / (float)count - (float)code * (float)code) * step * step;
    index->group_codes[((group / 16 * index->groups + j / 4) * 16 + group % 16) * 4 + j % 4] = (uint8_t)(code + 128);
  }
  for (size_t l = first; l < first + count; l++) bias += index->centroid_bias[l] / (float)count;
  index->group_bias[group] = index->header.metric == LOCI_INDEX_EUCLIDEAN ? bias + spread / 2 : bias;
}

loci_index_status loci_image_make_groups(loci_index *index) {
  const loci_image_header *h = &index->header;
  size_t count = (h->lists + LOCI_GROUP_LISTS - 1) / LOCI_GROUP_LISTS, padded = loci_round_up(count, 128);
  index->list_numbers = malloc(index->lists_padded * sizeof *index->list_numbers);
  if (index->list_numbers == NULL) return LOCI_INDEX_OUT_OF_MEMORY;
  for (size_t l = 0; l < index->lists_padded; l++) index->list_numbers[l] = (uint32_t)l;
  if (h->version < LOCI_IMAGE_VERSION_ORDERED || h->lists < LISTS_MIN) return LOCI_INDEX_OK;
  index->group_codes = malloc(padded * h->head);
  index->group_bias = malloc(padded * sizeof *index->group_bias);
  if (index->group_codes == NULL || index->group_bias == NULL) return LOCI_INDEX_OUT_OF_MEMORY;
  memset(index->group_codes, 128, padded * h->head);
  for (size_t g = 0; g < count; g++) make_group(index, g);
  for (size_t g = count; g < padded; g++) index->group_bias[g] = -FLT_MAX;
  index->group_count = count, index->groups_padded = padded;
  return LOCI_INDEX_OK;
}
