// The best of many scores: bisection for a threshold, then one pass that keeps what reaches it.
#include <float.h>

#include "search.h"

static inline float clamp(float value) { return value < -FLT_MAX ? -FLT_MAX : value > FLT_MAX ? FLT_MAX : value; }

size_t loci_keep_best(const loci_index_kernels *kernels, float *scores, uint32_t *ids, size_t n, size_t wanted,
                      size_t slack, float *least) {
  *least = -FLT_MAX;
  if (n <= wanted + slack || wanted == 0) return n < wanted + slack ? n : wanted + slack;
  float low, high;
  kernels->range(scores, n, &low, &high);
  low = clamp(low), high = clamp(high);
  // `low` is reached by more than wanted + slack, `high` by fewer than wanted.
  for (int step = 0; step < 64; step++) {
    float middle = low * 0.5f + high * 0.5f;
    if (!(middle > low && middle < high)) break;
    size_t count = kernels->count_at_least(scores, n, middle);
    if (count < wanted) {
      high = middle;
    } else {
      low = middle;
      if (count <= wanted + slack) break;
    }
  }
  *least = low;
  size_t kept = kernels->keep_at_least(scores, ids, n, low);
  if (kept <= wanted + slack) return kept;
  // Ties at the threshold. Those above it come first.
  size_t above = 0;
  for (size_t i = 0; i < kept; i++) {
    if (scores[i] <= low) continue;
    float score = scores[i];
    uint32_t id = ids[i];
    scores[i] = scores[above], ids[i] = ids[above];
    scores[above] = score, ids[above++] = id;
  }
  return above > wanted ? above < wanted + slack ? above : wanted + slack : wanted;
}

void loci_reservoir_cut(const loci_index_kernels *kernels, loci_reservoir *r) {
  float least;
  size_t kept = loci_keep_best(kernels, r->scores, r->ids, r->count, r->wanted, r->wanted / 8, &least);
  if (least > r->threshold) r->threshold = least;
  r->count = kept;
}
