#ifndef LOCI_VFS_H
#define LOCI_VFS_H

#include "loci_sqlite.h"

#include <sqlite3.h>
#include <stdatomic.h>

#define LOCI_PAGE_BYTES_MAX 65536
#define LOCI_WAL_HEADER_BYTES 32
#define LOCI_FRAME_HEADER_BYTES 24

/// What all handles of one database in this process share. Lives while a handle is open.
typedef struct loci_database {
  struct loci_database *next;
  int handles;
  /// Whether its pages carry checksums. Set when the file is found or made so; never cleared.
  atomic_bool checked;
  /// A sync failed: writes are refused.
  atomic_bool stopped;
  char path[LOCI_PATH_BYTES_MAX];
} loci_database;

/// The shared state of `path`, counted; NULL when out of memory or the path is too long.
loci_database *loci_database_acquire(const char *path);
void loci_database_release(loci_database *database);
/// Remembers damage of `file` (a path) that belongs to `database`.
void loci_damage_record(
    const loci_database *database, loci_damage_kind kind, const char *file, uint32_t number, int64_t offset);

typedef enum loci_file_kind { LOCI_FILE_DATABASE, LOCI_FILE_WAL, LOCI_FILE_JOURNAL } loci_file_kind;

/// An open file of a database: SQLite's handle, with the handle of the VFS below behind it.
typedef struct loci_file {
  sqlite3_file base;
  loci_file_kind kind;
  loci_database *database;
  const char *path;
  loci_checksum_level level;
  /// A page on its way to the disk; allocated at the first write.
  uint8_t *scratch;
  int scratch_bytes;
  /// Log only, see wal_frame.c.
  int64_t fresh_header_at, stale_from;
  int page_bytes;
  /// Log only, see wal_buffer.c: bytes on their way to the VFS below, from offset `waiting_at` on.
  uint8_t *waiting;
  size_t waiting_bytes, waiting_capacity;
  int64_t waiting_at;
  /// The other file of the same connection: of a database its log, NULL while that is closed; of a log its database.
  struct loci_file *partner;
  sqlite3_file *below;
} loci_file;

void loci_file_bind_methods(loci_file *file);

static inline bool loci_is_page_size(int count) {
  return count >= 512 && count <= LOCI_PAGE_BYTES_MAX && (count & (count - 1)) == 0;
}

static inline uint32_t loci_load_be32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline uint64_t loci_load_le64(const uint8_t *at) {
  uint64_t value = 0;
  for (int index = 7; index >= 0; index--) value = value << 8 | at[index];
  return value;
}

static inline void loci_store_le64(uint8_t *at, uint64_t value) {
  for (int index = 0; index < 8; index++) at[index] = (uint8_t)(value >> (8 * index));
}

/// Whether a database header says that pages carry checksums. Either of two marks is enough, so that no single
/// damaged byte turns the checks off; page 1's own checksum then tells.
static inline bool loci_header_is_checked(const uint8_t *header) {
  return header[20] == LOCI_PAGE_CHECKSUM_BYTES || loci_load_be32(header + 68) == LOCI_APPLICATION_ID;
}

/// Takes bytes for the log. Returns a SQLite result code, of an earlier write too.
int loci_wal_write(loci_file *file, const void *bytes, int count, int64_t offset);
/// Passes what waits to the VFS below. Returns a SQLite result code.
int loci_wal_flush(loci_file *file);
/// Frees the buffer. What waits in it then belongs to no commit.
void loci_wal_discard(loci_file *file);
/// Keeps track of which frames of an uncommitted transaction have outdated checksums.
void loci_wal_wrote(loci_file *file, int count, int64_t offset);
/// Compares a page just read from the log with its frame's checksum. Returns a SQLite result code.
int loci_wal_verify(loci_file *file, const void *page, int count, int64_t offset);

#endif
