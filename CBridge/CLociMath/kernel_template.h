// The vector routines of one instruction level. Included once by each kernels_<isa>.c, inside its target
// attribute, after it has defined:
//
//   vec, LANES                         a vector of LANES floats
//   vec_zero(), vec_load(p)            p of float
//   vec_load_half(p)                   p of uint16_t, widened
//   vec_load_tail(p, n), vec_load_half_tail(p, n)     0 < n < LANES, the rest zero, nothing read past n
//   vec_add, vec_sub, vec_fma(a, b, c) = a * b + c
//   vec_sum(v)                         all lanes
//
// Rows are read strictly one after the other, each into two accumulators (even and odd groups of LANES):
// tiles of four rows that share the loads of the query open four streams, and measured 13 GB/s from memory
// where one stream reaches 31 (100,000 x 384 float32 on Zen 4: 11.5 ms against 4.9).

#define LOCI_DOT(q, r, acc) vec_fma((q), (r), (acc))

static inline vec loci_add_squared_difference(vec q, vec r, vec acc) {
  vec d = vec_sub(q, r);
  return vec_fma(d, d, acc);
}

#define LOCI_DEFINE_ROW(NAME, ELEMENT, LOAD, LOAD_TAIL, ACCUMULATE)                                  \
  static inline float NAME(const float *query, const ELEMENT *row, size_t dim) {                     \
    vec even = vec_zero(), odd = vec_zero();                                                         \
    size_t i = 0;                                                                                    \
    for (; i + 2 * LANES <= dim; i += 2 * LANES) {                                                   \
      even = ACCUMULATE(vec_load(query + i), LOAD(row + i), even);                                   \
      odd = ACCUMULATE(vec_load(query + i + LANES), LOAD(row + i + LANES), odd);                     \
    }                                                                                                \
    if (i + LANES <= dim) {                                                                          \
      even = ACCUMULATE(vec_load(query + i), LOAD(row + i), even);                                   \
      i += LANES;                                                                                    \
    }                                                                                                \
    if (i < dim) odd = ACCUMULATE(vec_load_tail(query + i, dim - i), LOAD_TAIL(row + i, dim - i), odd); \
    return vec_sum(vec_add(even, odd));                                                              \
  }

#define LOCI_DEFINE_ROWS(NAME, ROW, ELEMENT, SIGN)                                                 \
  static void NAME(const float *query, const ELEMENT *rows, size_t n, size_t dim, float *scores) { \
    for (size_t r = 0; r < n; r++) scores[r] = SIGN ROW(query, rows + r * dim, dim);               \
  }

LOCI_DEFINE_ROW(dot, float, vec_load, vec_load_tail, LOCI_DOT)
LOCI_DEFINE_ROW(dot_f16, uint16_t, vec_load_half, vec_load_half_tail, LOCI_DOT)
LOCI_DEFINE_ROW(squared_l2, float, vec_load, vec_load_tail, loci_add_squared_difference)
LOCI_DEFINE_ROW(squared_l2_f16, uint16_t, vec_load_half, vec_load_half_tail, loci_add_squared_difference)

LOCI_DEFINE_ROWS(dot_rows, dot, float, +)
LOCI_DEFINE_ROWS(dot_rows_f16, dot_f16, uint16_t, +)
LOCI_DEFINE_ROWS(negative_l2_rows, squared_l2, float, -)
LOCI_DEFINE_ROWS(negative_l2_rows_f16, squared_l2_f16, uint16_t, -)

static bool all_finite(const float *a, size_t n) {
  uint32_t bad = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t bits;
    memcpy(&bits, a + i, sizeof bits);
    bad |= (bits & 0x7f800000u) == 0x7f800000u;
  }
  return bad == 0;
}
