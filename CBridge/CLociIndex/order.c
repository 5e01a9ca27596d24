// The order of lists in an image: neighbours are near each other, so that sixteen in a row are a group that has one
// centre, and a batch that goes through the image in order meets lists of like queries one after the other.
//
// Halves of equal size, by the projection on the line between the means of the halves before; a balanced 2-means.
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "loci_math.h"

enum { ROUNDS = 4 };

typedef struct place {
  float along;
  uint32_t list;
} place;

static int by_place(const void *a, const void *b) {
  const place *left = a, *right = b;
  if (left->along != right->along) return left->along < right->along ? -1 : 1;
  return left->list < right->list ? -1 : left->list > right->list;
}

// The one farthest from `from`.
static uint32_t farthest(const loci_build *b, const place *places, size_t count, uint32_t from) {
  const loci_kernels *math = loci_kernels_get(LOCI_ISA_AVX512);
  float most = -1;
  uint32_t found = from;
  for (size_t i = 0; i < count; i++) {
    float distance =
        math->squared_l2(b->centroids + (size_t)from * b->d, b->centroids + (size_t)places[i].list * b->d, b->d);
    if (distance > most) most = distance, found = places[i].list;
  }
  return found;
}

static void add(const loci_build *b, const place *places, size_t count, float sign, float *sum) {
  for (size_t i = 0; i < count; i++) {
    const float *centroid = b->centroids + (size_t)places[i].list * b->d;
    for (size_t j = 0; j < b->d; j++) sum[j] += sign / (float)count * centroid[j];
  }
}

static void halve(const loci_build *b, place *places, size_t count, float *direction) {
  const loci_kernels *math = loci_kernels_get(LOCI_ISA_AVX512);
  // Down to a group. A loop for one half and a call for the other: as deep as the logarithm of the lists.
  while (count > LOCI_GROUP_LISTS) {
    size_t half = loci_round_up(count / 2, LOCI_GROUP_LISTS);
    uint32_t one = farthest(b, places, count, places[0].list), other = farthest(b, places, count, one);
    for (size_t j = 0; j < b->d; j++) {
      direction[j] = b->centroids[(size_t)other * b->d + j] - b->centroids[(size_t)one * b->d + j];
    }
    for (int round = 0; round < ROUNDS; round++) {
      for (size_t i = 0; i < count; i++) {
        places[i].along = math->dot(direction, b->centroids + (size_t)places[i].list * b->d, b->d);
      }
      qsort(places, count, sizeof *places, by_place);
      memset(direction, 0, b->d * sizeof *direction);
      add(b, places, half, -1, direction);
      add(b, places + half, count - half, 1, direction);
    }
    halve(b, places, half, direction);
    places += half, count -= half;
  }
}

loci_index_status loci_build_order(loci_build *b) {
  place *places = malloc(b->lists * sizeof *places);
  float *direction = malloc(b->d * sizeof *direction), *ordered = malloc(b->lists * b->d * sizeof *ordered);
  loci_index_status status = LOCI_INDEX_OUT_OF_MEMORY;
  if (places != NULL && direction != NULL && ordered != NULL) {
    for (size_t l = 0; l < b->lists; l++) places[l] = (place){.list = (uint32_t)l};
    halve(b, places, b->lists, direction);
    for (size_t l = 0; l < b->lists; l++) {
      memcpy(ordered + l * b->d, b->centroids + (size_t)places[l].list * b->d, b->d * sizeof *ordered);
    }
    float *unordered = b->centroids;
    b->centroids = ordered, ordered = unordered;
    status = LOCI_INDEX_OK;
  }
  free(places), free(direction), free(ordered);
  return status;
}
