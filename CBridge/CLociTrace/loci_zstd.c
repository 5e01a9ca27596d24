#include "loci_zstd.h"

#include <stdlib.h>
#include <zstd.h>

struct loci_zstd {
  ZSTD_CCtx *compressor;
  ZSTD_DCtx *expander;
};

loci_zstd *loci_zstd_create(void) {
  loci_zstd *z = malloc(sizeof *z);
  if (!z) return NULL;
  z->compressor = ZSTD_createCCtx();
  z->expander = ZSTD_createDCtx();
  if (z->compressor && z->expander) return z;
  loci_zstd_destroy(z);
  return NULL;
}

void loci_zstd_destroy(loci_zstd *z) {
  if (!z) return;
  ZSTD_freeCCtx(z->compressor);
  ZSTD_freeDCtx(z->expander);
  free(z);
}

size_t loci_zstd_bound(size_t n) { return ZSTD_compressBound(n); }

size_t loci_zstd_compress(
    loci_zstd *z, int level, const uint8_t *src, size_t n, uint8_t *dst, size_t capacity) {
  const size_t size = ZSTD_compressCCtx(z->compressor, dst, capacity, src, n, level);
  return ZSTD_isError(size) ? 0 : size;
}

int64_t loci_zstd_content_size(const uint8_t *src, size_t n) {
  const unsigned long long size = ZSTD_getFrameContentSize(src, n);
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > INT64_MAX) return -1;
  return (int64_t)size;
}

int loci_zstd_expand(loci_zstd *z, const uint8_t *src, size_t n, uint8_t *dst, size_t size) {
  const size_t got = ZSTD_decompressDCtx(z->expander, dst, size, src, n);
  return !ZSTD_isError(got) && got == size ? 0 : -1;
}
