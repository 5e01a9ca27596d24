/// SQLite below GRDB: a VFS named "loci" that checks every page, and what SQLite's C interface needs C for.
///
/// Database file: each page of a database that has 8 reserved bytes ends with a checksum of its other bytes and
/// its page number. The VFS computes it when the page is written and compares it when the page is read.
///
/// Write-ahead log: pages there already carry SQLite's frame checksum, which SQLite itself compares only when it
/// recovers the log. The VFS compares it on every read of a page. The reserved bytes are not touched there: the
/// frame checksum covers them and is computed above the VFS, so a page stamped in the log would be cut off by the
/// next recovery.
///
/// After a failed sync nothing more is written to that database until all its handles are closed: the kernel may
/// have dropped the pages that a second sync would report as written.
#ifndef LOCI_SQLITE_H
#define LOCI_SQLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

struct sqlite3;

/// Checksum bytes at the end of each page.
#define LOCI_PAGE_CHECKSUM_BYTES 8
/// `PRAGMA application_id` of a Loci database: "LOCI".
#define LOCI_APPLICATION_ID 0x4C4F4349
#define LOCI_PATH_BYTES_MAX 1024

// MARK: Page checksum

typedef enum __attribute__((enum_extensibility(closed))) loci_checksum_level : int32_t {
  LOCI_CHECKSUM_SCALAR __attribute__((swift_name("scalar"))) = 0,
  LOCI_CHECKSUM_HARDWARE __attribute__((swift_name("hardware"))) = 1
} loci_checksum_level;

/// The best level of this CPU (SSE 4.2 or the ARMv8 CRC instructions for `LOCI_CHECKSUM_HARDWARE`).
loci_checksum_level loci_checksum_level_best(void);

/// Two CRC-32C, one over the even and one over the odd 64-bit words of `bytes`, both seeded with the page number;
/// the even one in the low half. `count` is a multiple of 8.
///
/// Why CRC-32C: at these lengths it detects every change of 1, 2 or 3 bits and every burst of up to 32 bits with
/// certainty, and CPUs have an instruction for it. Two lanes hide the instruction's latency and leave 2^-64 of
/// damage that spans two words undetected.
uint64_t loci_page_checksum(
    const void *bytes, size_t count, uint32_t page_number, loci_checksum_level level);

/// SQLite's own checksum of a log frame (file format §4.2): adds `count` bytes, a multiple of 8, to `sums`.
void loci_wal_checksum(const void *bytes, size_t count, bool big_endian, uint32_t sums[_Nonnull 2]);

// MARK: VFS

/// Registers the VFS "loci" over the default one and makes it the process default. Idempotent; thread-safe.
/// Returns a SQLite result code.
int32_t loci_sqlite_initialize(void);

/// Puts the VFS over another registered one, for databases opened from now on. For tests that inject faults.
int32_t loci_sqlite_set_base(const char *vfs_name);

/// Asks for the checksum bytes in each page. To be called on a new database before its first write.
int32_t loci_sqlite_reserve_checksum(struct sqlite3 *database);

/// Keeps closing `database` from running a checkpoint: only the writer does that, and it says when.
int32_t loci_sqlite_disable_checkpoint_on_close(struct sqlite3 *database);

// MARK: Damage

typedef enum __attribute__((enum_extensibility(closed))) loci_damage_kind : int32_t {
  /// A page of the database file does not match its checksum.
  LOCI_DAMAGE_PAGE __attribute__((swift_name("page"))) = 0,
  /// A page of the database file is beyond the end of the file.
  LOCI_DAMAGE_PAGE_MISSING __attribute__((swift_name("pageMissing"))) = 1,
  /// A frame of the write-ahead log does not match its checksum.
  LOCI_DAMAGE_FRAME __attribute__((swift_name("frame"))) = 2,
  /// A sync failed; nothing more is written.
  LOCI_DAMAGE_SYNC __attribute__((swift_name("sync"))) = 3
} loci_damage_kind;

typedef struct loci_damage {
  loci_damage_kind kind;
  /// Number of the page (from 1), or of the frame (from 1) in the log.
  uint32_t number;
  /// Where it starts in the file, in bytes.
  int64_t offset;
  /// File name without its folder, NUL-terminated.
  char file[256];
} loci_damage;

/// The last damage met in the database at `path` or its log since the process started or since it was forgotten.
/// Returns false when there is none.
bool loci_sqlite_last_damage(const char *path, loci_damage *damage);
void loci_sqlite_forget_damage(const char *path);

/// Whether writes to the database at `path` are refused because a sync failed.
bool loci_sqlite_is_stopped(const char *path);

// MARK: Offline scan

typedef struct loci_scan {
  uint32_t page_bytes;
  /// Pages of the database file, and how many of them the log supersedes (those are not compared).
  uint64_t pages, pages_superseded;
  uint64_t pages_damaged;
  /// Number of the first damaged page, 0 when there is none.
  uint32_t first_damaged_page;
  /// Valid frames of the log up to its last commit.
  uint64_t frames;
  /// Number of the first frame that belongs to the log by its salts and fails its checksum; 0 when there is none.
  /// After a crash this may be a commit that was never acknowledged.
  uint64_t first_damaged_frame;
} loci_scan;

typedef enum __attribute__((enum_extensibility(closed))) loci_scan_status : int32_t {
  LOCI_SCAN_OK __attribute__((swift_name("ok"))) = 0,
  LOCI_SCAN_CANNOT_OPEN __attribute__((swift_name("cannotOpen"))) = 1,
  LOCI_SCAN_READ_FAILED __attribute__((swift_name("readFailed"))) = 2,
  /// Not a database with checksums, or its header is damaged beyond telling.
  LOCI_SCAN_NOT_CHECKED __attribute__((swift_name("notChecked"))) = 3,
  LOCI_SCAN_NO_MEMORY __attribute__((swift_name("noMemory"))) = 4
} loci_scan_status;

/// Compares every page of a closed database, free ones included, and every frame of its log. Reads only.
loci_scan_status loci_sqlite_scan_pages(const char *path, loci_scan *scan);

// MARK: Plain files

/// A file read and written through the same VFS as the databases, so that tests which record or fail I/O see it.
typedef struct loci_plain_file loci_plain_file;

/// Opens `path`, making it when it is absent and `create` is set. Returns a SQLite result code.
int32_t loci_plain_file_open(
    const char *path, bool create, loci_plain_file *_Nullable *_Nonnull file);
void loci_plain_file_close(loci_plain_file *file);
int32_t loci_plain_file_size(loci_plain_file *file, int64_t *size);
/// Reads up to `count` bytes; what is beyond the end of the file reads as zeros.
int32_t loci_plain_file_read(loci_plain_file *file, void *bytes, int32_t count, int64_t offset);
int32_t loci_plain_file_write(loci_plain_file *file, const void *bytes, int32_t count, int64_t offset);
/// Makes what was written durable, and the file's name too after it was made.
int32_t loci_plain_file_sync(loci_plain_file *file);

#pragma clang assume_nonnull end

#endif
