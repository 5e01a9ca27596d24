#include "vfs.h"

#include <stdlib.h>
#include <string.h>

/// SQLite hands each frame of a commit down in two writes, 24 bytes and a page. Neighbours are joined here into one
/// write for the VFS below, which makes a commit of 15 pages one system call instead of 30.
///
/// Bytes wait at most until the handle syncs, reads or is asked for its size, and until SQLite publishes the commit
/// in the shared index (it crosses a memory barrier before it does): no other connection looks at a frame that is
/// not published.

#define BUFFER_BYTES_MAX ((size_t)1 << 20)
#define BUFFER_BYTES_MIN ((size_t)64 << 10)
/// SQLite's unix VFS takes at most 128 KiB less a byte in one call.
#define WRITE_BYTES_MAX ((size_t)64 << 10)

int loci_wal_flush(loci_file *file) {
  size_t count = file->waiting_bytes;
  if (count == 0) return SQLITE_OK;
  // What could not be written is dropped: SQLite rolls back, and its next commit writes these places again.
  file->waiting_bytes = 0;
  int rc = SQLITE_OK;
  for (size_t at = 0, length; at < count && rc == SQLITE_OK; at += length) {
    length = count - at < WRITE_BYTES_MAX ? count - at : WRITE_BYTES_MAX;
    rc = file->below->pMethods->xWrite(
        file->below, file->waiting + at, (int)length, file->waiting_at + (int64_t)at);
  }
  return rc;
}

static int grow(loci_file *file, size_t needed) {
  if (needed <= file->waiting_capacity) return SQLITE_OK;
  size_t capacity = file->waiting_capacity > 0 ? file->waiting_capacity : BUFFER_BYTES_MIN;
  while (capacity < needed) capacity *= 2;
  uint8_t *bytes = realloc(file->waiting, capacity);
  if (!bytes) return SQLITE_IOERR_NOMEM;
  file->waiting = bytes;
  file->waiting_capacity = capacity;
  return SQLITE_OK;
}

int loci_wal_write(loci_file *file, const void *bytes, int count, int64_t offset) {
  bool follows = offset == file->waiting_at + (int64_t)file->waiting_bytes;
  if (!follows || file->waiting_bytes + (size_t)count > BUFFER_BYTES_MAX) {
    int rc = loci_wal_flush(file);
    if (rc != SQLITE_OK) return rc;
    file->waiting_at = offset;
  }
  int rc = grow(file, file->waiting_bytes + (size_t)count);
  if (rc != SQLITE_OK) return rc;
  memcpy(file->waiting + file->waiting_bytes, bytes, (size_t)count);
  file->waiting_bytes += (size_t)count;
  return SQLITE_OK;
}

void loci_wal_discard(loci_file *file) {
  free(file->waiting);
  file->waiting = NULL;
  file->waiting_bytes = file->waiting_capacity = 0;
}
