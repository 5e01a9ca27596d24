#include "vfs.h"

#include <stdlib.h>
#include <string.h>

#define FILE_OF(handle) ((loci_file *)(handle))
#define BELOW(handle) (FILE_OF(handle)->below)

static bool is_database_page(const loci_file *file, int count, int64_t offset) {
  return file->kind == LOCI_FILE_DATABASE && loci_is_page_size(count) && offset % count == 0;
}

static bool is_stopped(const loci_file *file) {
  return atomic_load_explicit(&file->database->stopped, memory_order_relaxed);
}

static bool is_checked(const loci_file *file) {
  return atomic_load_explicit(&file->database->checked, memory_order_relaxed);
}

static uint64_t checksum(const loci_file *file, const uint8_t *page, int count, int64_t offset) {
  uint32_t number = (uint32_t)(offset / count) + 1;
  return loci_page_checksum(page, (size_t)count - LOCI_PAGE_CHECKSUM_BYTES, number, file->level);
}

static int damaged(loci_file *file, loci_damage_kind kind, int count, int64_t offset) {
  loci_damage_record(file->database, kind, file->path, (uint32_t)(offset / count) + 1, offset);
  return SQLITE_IOERR_DATA;
}

static int file_close(sqlite3_file *handle) {
  loci_file *file = FILE_OF(handle);
  int rc = file->below->pMethods->xClose(file->below);
  loci_wal_discard(file);
  if (file->partner) file->partner->partner = NULL;
  free(file->scratch);
  file->scratch = NULL;
  loci_database_release(file->database);
  return rc;
}

static int file_read(sqlite3_file *handle, void *bytes, int count, sqlite3_int64 offset) {
  loci_file *file = FILE_OF(handle);
  int rc = loci_wal_flush(file);
  if (rc != SQLITE_OK) return rc;
  rc = file->below->pMethods->xRead(file->below, bytes, count, offset);
  if (!is_checked(file)) return rc;
  if (is_database_page(file, count, offset)) {
    // SQLite takes a short page for one full of zeros; it reads no page that it did not write.
    if (rc == SQLITE_IOERR_SHORT_READ) return damaged(file, LOCI_DAMAGE_PAGE_MISSING, count, offset);
    if (rc != SQLITE_OK) return rc;
    uint64_t stored = loci_load_le64((uint8_t *)bytes + count - LOCI_PAGE_CHECKSUM_BYTES);
    if (stored != checksum(file, bytes, count, offset)) return damaged(file, LOCI_DAMAGE_PAGE, count, offset);
  } else if (rc == SQLITE_OK && file->kind == LOCI_FILE_WAL) {
    return loci_wal_verify(file, bytes, count, offset);
  }
  return rc;
}

/// The page with its checksum, in a copy: the caller's page is in SQLite's cache and other threads may read it.
static const void *stamped(loci_file *file, const void *page, int count, int64_t offset) {
  if (file->scratch_bytes < count) {
    free(file->scratch);
    file->scratch = malloc((size_t)count);
    file->scratch_bytes = file->scratch ? count : 0;
    if (!file->scratch) return NULL;
  }
  memcpy(file->scratch, page, (size_t)count);
  uint64_t sum = checksum(file, file->scratch, count, offset);
  loci_store_le64(file->scratch + count - LOCI_PAGE_CHECKSUM_BYTES, sum);
  return file->scratch;
}

static int file_write(sqlite3_file *handle, const void *bytes, int count, sqlite3_int64 offset) {
  loci_file *file = FILE_OF(handle);
  if (is_stopped(file)) return SQLITE_IOERR_WRITE;
  if (is_database_page(file, count, offset)) {
    const uint8_t *page = bytes;
    if (offset == 0 && page[20] == LOCI_PAGE_CHECKSUM_BYTES) atomic_store(&file->database->checked, true);
    if (is_checked(file) && !(bytes = stamped(file, bytes, count, offset))) return SQLITE_IOERR_NOMEM;
  }
  if (file->kind != LOCI_FILE_WAL) return file->below->pMethods->xWrite(file->below, bytes, count, offset);
  int rc = loci_wal_write(file, bytes, count, offset);
  if (rc == SQLITE_OK) loci_wal_wrote(file, count, offset);
  return rc;
}

static int file_truncate(sqlite3_file *handle, sqlite3_int64 size) {
  if (is_stopped(FILE_OF(handle))) return SQLITE_IOERR_TRUNCATE;
  int rc = loci_wal_flush(FILE_OF(handle));
  if (rc != SQLITE_OK) return rc;
  return BELOW(handle)->pMethods->xTruncate(BELOW(handle), size);
}

static int file_sync(sqlite3_file *handle, int flags) {
  loci_file *file = FILE_OF(handle);
  if (is_stopped(file)) return SQLITE_IOERR_FSYNC;
  int rc = loci_wal_flush(file);
  if (rc != SQLITE_OK) return rc;
  rc = file->below->pMethods->xSync(file->below, flags);
  if (rc != SQLITE_OK) {
    atomic_store(&file->database->stopped, true);
    loci_damage_record(file->database, LOCI_DAMAGE_SYNC, file->path, 0, 0);
  }
  return rc;
}

static int file_size(sqlite3_file *handle, sqlite3_int64 *size) {
  int rc = loci_wal_flush(FILE_OF(handle));
  if (rc != SQLITE_OK) return rc;
  return BELOW(handle)->pMethods->xFileSize(BELOW(handle), size);
}
static int file_lock(sqlite3_file *handle, int level) {
  return BELOW(handle)->pMethods->xLock(BELOW(handle), level);
}
static int file_unlock(sqlite3_file *handle, int level) {
  return BELOW(handle)->pMethods->xUnlock(BELOW(handle), level);
}
static int file_check_reserved_lock(sqlite3_file *handle, int *result) {
  return BELOW(handle)->pMethods->xCheckReservedLock(BELOW(handle), result);
}

static int file_control(sqlite3_file *handle, int operation, void *argument) {
  if (operation == SQLITE_FCNTL_MMAP_SIZE) {
    // A mapped page would be read without the check.
    *(sqlite3_int64 *)argument = 0;
    return SQLITE_OK;
  }
  int rc = BELOW(handle)->pMethods->xFileControl(BELOW(handle), operation, argument);
  if (rc == SQLITE_OK && operation == SQLITE_FCNTL_VFSNAME) {
    char *below = *(char **)argument;
    *(char **)argument = sqlite3_mprintf("loci/%z", below);
  }
  return rc;
}

static int file_sector_size(sqlite3_file *handle) {
  return BELOW(handle)->pMethods->xSectorSize(BELOW(handle));
}
static int file_device_characteristics(sqlite3_file *handle) {
  // Batched atomic writes go around xWrite's order, which the crash tests rely on.
  return BELOW(handle)->pMethods->xDeviceCharacteristics(BELOW(handle)) & ~SQLITE_IOCAP_BATCH_ATOMIC;
}
static int file_shm_map(sqlite3_file *handle, int page, int bytes, int extend, void volatile **out) {
  return BELOW(handle)->pMethods->xShmMap(BELOW(handle), page, bytes, extend, out);
}
static int file_shm_lock(sqlite3_file *handle, int offset, int count, int flags) {
  return BELOW(handle)->pMethods->xShmLock(BELOW(handle), offset, count, flags);
}
static void file_shm_barrier(sqlite3_file *handle) {
  loci_file *log = FILE_OF(handle)->partner;
  // A commit that SQLite syncs has nothing waiting here; one that it does not is about to be published.
  if (log && log->waiting_bytes > 0 && loci_wal_flush(log) != SQLITE_OK) {
    atomic_store(&log->database->stopped, true);
    loci_damage_record(log->database, LOCI_DAMAGE_SYNC, log->path, 0, 0);
  }
  BELOW(handle)->pMethods->xShmBarrier(BELOW(handle));
}
static int file_shm_unmap(sqlite3_file *handle, int delete_file) {
  return BELOW(handle)->pMethods->xShmUnmap(BELOW(handle), delete_file);
}

/// Version 2 has shared memory and no xFetch, so SQLite never maps the database.
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_device_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

void loci_file_bind_methods(loci_file *file) { file->base.pMethods = &methods; }
