// Compression of stored bytes by zstd, one call each. No state between calls but the compressor's own memory.
#ifndef LOCI_ZSTD_H
#define LOCI_ZSTD_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// Working memory of one thread; reused from call to call.
typedef struct loci_zstd loci_zstd;

/// `NULL` when memory is out.
loci_zstd *_Nullable loci_zstd_create(void);
void loci_zstd_destroy(loci_zstd *_Nullable z);

/// Bytes that compressing `n` may need.
size_t loci_zstd_bound(size_t n);

/// Compresses `src` (n bytes) at `level` (1 fastest to 19) into `dst` (capacity bytes). Returns the compressed size,
/// 0 when it does not fit. The frame carries the content's size and no checksum.
size_t loci_zstd_compress(
    loci_zstd *z, int level, const uint8_t *_Nullable src, size_t n, uint8_t *dst, size_t capacity);

/// Size of the content of a frame made by `loci_zstd_compress`, or -1 when it is none.
int64_t loci_zstd_content_size(const uint8_t *_Nullable src, size_t n);

/// Expands a frame into exactly `size` bytes. Returns 0, or -1 when the frame is damaged or holds another size.
int loci_zstd_expand(loci_zstd *z, const uint8_t *_Nullable src, size_t n, uint8_t *_Nullable dst, size_t size);

#pragma clang assume_nonnull end

#endif
