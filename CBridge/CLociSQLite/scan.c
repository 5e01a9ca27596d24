#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // pread, O_CLOEXEC
#endif

#include "vfs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/// SQLite keeps the page that holds this byte for its locks and never writes it.
#define PENDING_BYTE 0x40000000

typedef struct scanned_file {
  int descriptor;
  int64_t bytes;
} scanned_file;

static bool open_file(const char *path, scanned_file *file) {
  struct stat status;
  file->bytes = 0;
  file->descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (file->descriptor < 0) return false;
  if (fstat(file->descriptor, &status) == 0) file->bytes = status.st_size;
  return true;
}

/// Reads exactly `count` bytes.
static bool read_at(const scanned_file *file, uint8_t *bytes, size_t count, int64_t offset) {
  size_t done = 0;
  while (done < count) {
    ssize_t got = pread(file->descriptor, bytes + done, count - done, offset + (int64_t)done);
    if (got <= 0) return false;
    done += (size_t)got;
  }
  return true;
}

static uint32_t page_bytes_of(const uint8_t *header) {
  uint32_t bytes = (uint32_t)header[16] << 8 | header[17];
  return bytes == 1 ? LOCI_PAGE_BYTES_MAX : bytes;
}

/// Follows the frames of the log, marking in `superseded` the pages that it holds up to its last commit.
static bool scan_log(
    const scanned_file *log, uint8_t *frame, uint8_t *superseded, uint64_t pages, loci_scan *scan) {
  uint8_t header[LOCI_WAL_HEADER_BYTES];
  uint32_t page_bytes = scan->page_bytes;
  if (log->bytes < (int64_t)sizeof header) return true;
  if (!read_at(log, header, sizeof header, 0)) return false;
  uint32_t magic = loci_load_be32(header);
  bool big_endian = magic & 1;
  uint32_t sums[2] = {0, 0};
  loci_wal_checksum(header, 24, big_endian, sums);
  if ((magic & ~1u) != 0x377F0682 || loci_load_be32(header + 8) != page_bytes
      || sums[0] != loci_load_be32(header + 24) || sums[1] != loci_load_be32(header + 28))
    return true;

  int64_t frame_bytes = LOCI_FRAME_HEADER_BYTES + (int64_t)page_bytes;
  uint64_t committed = 0, count = (uint64_t)((log->bytes - LOCI_WAL_HEADER_BYTES) / frame_bytes);
  uint32_t *numbers = calloc(count ? count : 1, sizeof *numbers);
  if (!numbers) return false;
  for (uint64_t index = 0; index < count; index++) {
    if (!read_at(log, frame, (size_t)frame_bytes, LOCI_WAL_HEADER_BYTES + (int64_t)index * frame_bytes)) break;
    if (memcmp(frame + 8, header + 16, 8) != 0) break;  // salts of an older log
    loci_wal_checksum(frame, 8, big_endian, sums);
    loci_wal_checksum(frame + LOCI_FRAME_HEADER_BYTES, page_bytes, big_endian, sums);
    if (sums[0] != loci_load_be32(frame + 16) || sums[1] != loci_load_be32(frame + 20)) {
      scan->first_damaged_frame = index + 1;
      break;
    }
    numbers[index] = loci_load_be32(frame);
    if (loci_load_be32(frame + 4) != 0) committed = index + 1;
  }
  for (uint64_t index = 0; index < committed; index++)
    if (numbers[index] >= 1 && numbers[index] <= pages) superseded[numbers[index] - 1] = 1;
  free(numbers);
  scan->frames = committed;
  return true;
}

static loci_scan_status scan_database(
    const scanned_file *file, uint8_t *page, const uint8_t *superseded, loci_scan *scan) {
  loci_checksum_level level = loci_checksum_level_best();
  uint32_t count = scan->page_bytes;
  for (uint64_t index = 0; index < scan->pages; index++) {
    int64_t offset = (int64_t)(index * count);
    if (offset <= PENDING_BYTE && PENDING_BYTE < offset + (int64_t)count) continue;
    if (superseded[index]) {
      scan->pages_superseded++;
      continue;
    }
    bool whole = offset + (int64_t)count <= file->bytes;
    if (whole && !read_at(file, page, count, offset)) return LOCI_SCAN_READ_FAILED;
    size_t covered = count - LOCI_PAGE_CHECKSUM_BYTES;
    uint32_t number = (uint32_t)index + 1;
    if (whole && loci_load_le64(page + covered) == loci_page_checksum(page, covered, number, level)) continue;
    scan->pages_damaged++;
    if (!scan->first_damaged_page) scan->first_damaged_page = number;
  }
  return LOCI_SCAN_OK;
}

static loci_scan_status scan_files(const scanned_file *database, const scanned_file *log, loci_scan *scan) {
  uint8_t header[100];
  if (!read_at(database, header, sizeof header, 0)) return LOCI_SCAN_NOT_CHECKED;
  scan->page_bytes = page_bytes_of(header);
  if (!loci_header_is_checked(header) || !loci_is_page_size((int)scan->page_bytes)) return LOCI_SCAN_NOT_CHECKED;
  scan->pages = ((uint64_t)database->bytes + scan->page_bytes - 1) / scan->page_bytes;
  uint8_t *buffer = malloc((size_t)scan->page_bytes + LOCI_FRAME_HEADER_BYTES);
  uint8_t *superseded = calloc(scan->pages, 1);
  loci_scan_status status = LOCI_SCAN_NO_MEMORY;
  if (buffer && superseded) {
    status = LOCI_SCAN_READ_FAILED;
    if (log->descriptor < 0 || scan_log(log, buffer, superseded, scan->pages, scan))
      status = scan_database(database, buffer, superseded, scan);
  }
  free(buffer);
  free(superseded);
  return status;
}

loci_scan_status loci_sqlite_scan_pages(const char *path, loci_scan *scan) {
  char log_path[LOCI_PATH_BYTES_MAX];
  memset(scan, 0, sizeof *scan);
  size_t length = strlen(path);
  if (length + sizeof "-wal" > sizeof log_path) return LOCI_SCAN_CANNOT_OPEN;
  memcpy(log_path, path, length);
  memcpy(log_path + length, "-wal", sizeof "-wal");
  scanned_file database, log;
  if (!open_file(path, &database)) return LOCI_SCAN_CANNOT_OPEN;
  open_file(log_path, &log);
  loci_scan_status status = scan_files(&database, &log, scan);
  close(database.descriptor);
  if (log.descriptor >= 0) close(log.descriptor);
  return status;
}
