// 16 × 16 words, `rows` ≤ 16 of them read with `stride` words between rows and `mask` for the words of each; column i
// goes to out + i · out_stride. Rows that are not there are zero. Inside the target region of an AVX-512 file.
LOCI_INLINE void transpose_words(
    const void *in, size_t stride, size_t rows, __mmask16 mask, void *out, size_t out_stride, size_t columns) {
  __m512i r[16], t[16];
  for (size_t i = 0; i < 16; i++) {
    r[i] = i < rows ? _mm512_maskz_loadu_epi32(mask, (const char *)in + i * stride * 4) : _mm512_setzero_si512();
  }
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  // r[4g + j], 128-bit lane l: column 4l + j of rows 4g … 4g + 3.
  for (int j = 0; j < 4; j++) {
    __m512i low = _mm512_shuffle_i32x4(r[j], r[4 + j], 0x88), high = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0x88);
    t[j] = _mm512_shuffle_i32x4(low, high, 0x88);
    t[8 + j] = _mm512_shuffle_i32x4(low, high, 0xDD);
    low = _mm512_shuffle_i32x4(r[j], r[4 + j], 0xDD);
    high = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0xDD);
    t[4 + j] = _mm512_shuffle_i32x4(low, high, 0x88);
    t[12 + j] = _mm512_shuffle_i32x4(low, high, 0xDD);
  }
  for (size_t i = 0; i < 16; i++) {
    if (i < columns) _mm512_storeu_si512((char *)out + i * out_stride * 4, t[i]);
  }
}
