// The end of a tile in reduced precision: `sums` (rows, vectors) with their bias go to `out`. Part of a function body.
  if (p->epilogue == LOCI_ENCODER_GELU) {
    // By way of memory: the function would not leave the sums their registers.
    _Alignas(64) float tile[8][48];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) _mm512_store_ps(&tile[r][16 * v], sums[r][v]);
    }
    for (int r = 0; r < rows; r++) {
      size_t at = (row + (size_t)r) * p->out_stride + column;
      for (int v = 0; v < vectors; v++) {
        __mmask16 mask = v == vectors - 1 ? last : 0xFFFF;
        store_tile(p, at + 16 * (size_t)v, mask, gelu_half(_mm512_load_ps(&tile[r][16 * v])));
      }
    }
    return;
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    size_t at = (row + (size_t)r) * p->out_stride + column;
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      __mmask16 mask = v == vectors - 1 ? last : 0xFFFF;
      __m512 sum = sums[r][v];
      if (p->epilogue == LOCI_ENCODER_ADD) {
        sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, (float *)p->out + at + 16 * v));
      }
      store_tile(p, at + 16 * (size_t)v, mask, sum);
    }
  }
