// A bounded binary heap with the worst kept hit at the root.
#include <math.h>

#include "loci_math.h"

static bool better(const loci_hit *a, const loci_hit *b) {
  return a->score > b->score || (a->score == b->score && a->id < b->id);
}

float loci_topk_threshold(const loci_topk *heap) {
  if (heap->capacity == 0) return INFINITY;
  return heap->count < heap->capacity ? -INFINITY : heap->hits[0].score;
}

static void sift_down(loci_hit *hits, size_t count, loci_hit hit) {
  size_t parent = 0;
  for (;;) {
    size_t child = 2 * parent + 1;
    if (child >= count) break;
    if (child + 1 < count && better(&hits[child], &hits[child + 1])) child++;
    if (!better(&hit, &hits[child])) break;
    hits[parent] = hits[child];
    parent = child;
  }
  hits[parent] = hit;
}

bool loci_topk_push(loci_topk *heap, loci_hit hit) {
  if (isnan(hit.score)) return false;
  if (heap->count < heap->capacity) {
    size_t child = heap->count++;
    while (child > 0) {
      size_t parent = (child - 1) / 2;
      if (!better(&heap->hits[parent], &hit)) break;
      heap->hits[child] = heap->hits[parent];
      child = parent;
    }
    heap->hits[child] = hit;
    return true;
  }
  if (heap->capacity == 0 || !better(&hit, &heap->hits[0])) return false;
  sift_down(heap->hits, heap->count, hit);
  return true;
}

void loci_topk_sort(loci_topk *heap) {
  // Heap sort in place: the worst goes to the end each time, so the result is best first.
  for (size_t end = heap->count; end > 1; end--) {
    loci_hit last = heap->hits[end - 1];
    heap->hits[end - 1] = heap->hits[0];
    sift_down(heap->hits, end - 1, last);
  }
}
