#include "vfs.h"

#include <string.h>

/// A log is a 32-byte header and frames of a 24-byte header and a page. A frame's checksum goes on from that of
/// the frame before, or of the log's header (file format §4.1).
///
/// A transaction that outgrows the cache may overwrite a page in a frame of its own; SQLite then leaves this and
/// all later checksums as they are until it commits, and rewrites their headers in order. Only the handle that
/// writes can read such frames; it does not compare them while they are stale.
///
///     stale_from        offset of the first stale frame, INT64_MAX for none
///     fresh_header_at   offset of a header whose page has not been written yet, -1 for none

void loci_wal_wrote(loci_file *file, int count, int64_t offset) {
  if (count == LOCI_FRAME_HEADER_BYTES) {
    file->fresh_header_at = offset;
    if (offset == file->stale_from) file->stale_from += LOCI_FRAME_HEADER_BYTES + file->page_bytes;
  } else if (loci_is_page_size(count)) {
    int64_t frame = offset - LOCI_FRAME_HEADER_BYTES;
    if (frame != file->fresh_header_at && frame < file->stale_from) file->stale_from = frame;
    file->fresh_header_at = -1;
    file->page_bytes = count;
  }
}

static bool sums_match(
    const uint8_t *previous, const uint8_t *header, const uint8_t *page, int count, bool big_endian) {
  uint32_t sums[2] = {loci_load_be32(previous), loci_load_be32(previous + 4)};
  loci_wal_checksum(header, 8, big_endian, sums);
  loci_wal_checksum(page, (size_t)count, big_endian, sums);
  return sums[0] == loci_load_be32(header + 16) && sums[1] == loci_load_be32(header + 20);
}

int loci_wal_verify(loci_file *file, const void *page, int count, int64_t offset) {
  int64_t frame_bytes = LOCI_FRAME_HEADER_BYTES + (int64_t)count;
  int64_t frame = offset - LOCI_FRAME_HEADER_BYTES;
  if (!loci_is_page_size(count) || frame < LOCI_WAL_HEADER_BYTES) return SQLITE_OK;
  if ((frame - LOCI_WAL_HEADER_BYTES) % frame_bytes != 0 || frame >= file->stale_from) return SQLITE_OK;

  bool is_first = frame == LOCI_WAL_HEADER_BYTES;
  uint8_t header[LOCI_FRAME_HEADER_BYTES], previous[8];
  int64_t previous_at = is_first ? LOCI_WAL_HEADER_BYTES - 8 : frame - frame_bytes + 16;
  const sqlite3_io_methods *below = file->below->pMethods;
  int rc = below->xRead(file->below, header, sizeof header, frame);
  if (rc == SQLITE_OK) rc = below->xRead(file->below, previous, sizeof previous, previous_at);
  if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ) return rc;
  if (rc == SQLITE_OK && sums_match(previous, header, page, count, false)) return SQLITE_OK;
  if (rc == SQLITE_OK && sums_match(previous, header, page, count, true)) return SQLITE_OK;
  uint32_t number = (uint32_t)((frame - LOCI_WAL_HEADER_BYTES) / frame_bytes) + 1;
  loci_damage_record(file->database, LOCI_DAMAGE_FRAME, file->path, number, frame);
  return SQLITE_IOERR_DATA;
}
