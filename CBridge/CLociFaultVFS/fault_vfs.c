#include "session.h"

#include <pthread.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

typedef struct fault_file {
  sqlite3_file base;
  loci_fault_session *session;
  const char *path;
  /// The first sync also syncs the folder, as the unix VFS does for these kinds.
  bool syncs_folder;
  sqlite3_file *below;
} fault_file;

#define FILE_OF(handle) ((fault_file *)(handle))
#define BELOW(handle) (FILE_OF(handle)->below)
#define HANDLE_BYTES ((sizeof(fault_file) + 15) & ~(size_t)15)

static sqlite3_vfs *unix_vfs;
static sqlite3_vfs fault_vfs;

static int64_t size_of(sqlite3_file *below) {
  sqlite3_int64 size = 0;
  below->pMethods->xFileSize(below, &size);
  return size;
}

static int file_close(sqlite3_file *handle) { return BELOW(handle)->pMethods->xClose(BELOW(handle)); }

static int file_read(sqlite3_file *handle, void *bytes, int count, sqlite3_int64 offset) {
  return BELOW(handle)->pMethods->xRead(BELOW(handle), bytes, count, offset);
}

static int file_write(sqlite3_file *handle, const void *bytes, int count, sqlite3_int64 offset) {
  fault_file *file = FILE_OF(handle);
  loci_fault_verdict verdict = loci_fault_judge_write(file->session, size_of(file->below), offset, count);
  if (verdict.count > 0) {
    int rc = file->below->pMethods->xWrite(file->below, bytes, verdict.count, offset);
    if (rc != SQLITE_OK) return rc;
    loci_fault_log(file->session, LOCI_FAULT_WRITE, file->path, offset, bytes, verdict.count);
  }
  return verdict.rc;
}

static int file_truncate(sqlite3_file *handle, sqlite3_int64 size) {
  fault_file *file = FILE_OF(handle);
  loci_fault_verdict verdict = loci_fault_judge_truncate(file->session, size_of(file->below), size);
  if (verdict.rc != SQLITE_OK) return verdict.rc;
  loci_fault_log(file->session, LOCI_FAULT_TRUNCATE, file->path, size, NULL, 0);
  return file->below->pMethods->xTruncate(file->below, size);
}

/// Real syncs would only cost time here: what a power failure leaves is computed from the record.
static int file_sync(sqlite3_file *handle, int flags) {
  (void)flags;
  fault_file *file = FILE_OF(handle);
  loci_fault_verdict verdict = loci_fault_judge_sync(file->session);
  if (verdict.rc != SQLITE_OK) return verdict.rc;
  loci_fault_log(file->session, LOCI_FAULT_SYNC, file->path, 0, NULL, 0);
  if (file->syncs_folder) loci_fault_log(file->session, LOCI_FAULT_SYNC_FOLDER, "", 0, NULL, 0);
  file->syncs_folder = false;
  return SQLITE_OK;
}

static int file_size(sqlite3_file *handle, sqlite3_int64 *size) {
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
  return BELOW(handle)->pMethods->xFileControl(BELOW(handle), operation, argument);
}
static int file_sector_size(sqlite3_file *handle) {
  return BELOW(handle)->pMethods->xSectorSize(BELOW(handle));
}
static int file_device_characteristics(sqlite3_file *handle) {
  return BELOW(handle)->pMethods->xDeviceCharacteristics(BELOW(handle));
}
static int file_shm_map(sqlite3_file *handle, int page, int bytes, int extend, void volatile **out) {
  return BELOW(handle)->pMethods->xShmMap(BELOW(handle), page, bytes, extend, out);
}
static int file_shm_lock(sqlite3_file *handle, int offset, int count, int flags) {
  return BELOW(handle)->pMethods->xShmLock(BELOW(handle), offset, count, flags);
}
static void file_shm_barrier(sqlite3_file *handle) { BELOW(handle)->pMethods->xShmBarrier(BELOW(handle)); }
static int file_shm_unmap(sqlite3_file *handle, int delete_file) {
  return BELOW(handle)->pMethods->xShmUnmap(BELOW(handle), delete_file);
}

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

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *handle, int flags, int *out_flags) {
  (void)vfs;
  loci_fault_session *session = path ? loci_fault_session_for(path) : NULL;
  if (!session) return unix_vfs->xOpen(unix_vfs, path, handle, flags, out_flags);
  fault_file *file = FILE_OF(handle);
  memset(file, 0, sizeof *file);
  struct stat status;
  bool is_new = stat(path, &status) != 0;
  file->session = session;
  file->path = path;
  file->syncs_folder = flags & SQLITE_OPEN_CREATE
      && flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL);
  file->below = (sqlite3_file *)((uint8_t *)handle + HANDLE_BYTES);
  int rc = unix_vfs->xOpen(unix_vfs, path, file->below, flags, out_flags);
  if (rc != SQLITE_OK) return rc;
  if (is_new) loci_fault_log(session, LOCI_FAULT_CREATE, path, 0, NULL, 0);
  file->base.pMethods = &methods;
  return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_folder) {
  (void)vfs;
  loci_fault_session *session = loci_fault_session_for(path);
  struct stat status;
  bool exists = session && stat(path, &status) == 0;
  int rc = unix_vfs->xDelete(unix_vfs, path, 0);
  if (session && exists && rc == SQLITE_OK) {
    loci_fault_forget_file(session, status.st_size);
    loci_fault_log(session, LOCI_FAULT_DELETE, path, 0, NULL, 0);
    if (sync_folder) loci_fault_log(session, LOCI_FAULT_SYNC_FOLDER, "", 0, NULL, 0);
  }
  return rc;
}

static int32_t registration = SQLITE_ERROR;

static void register_once(void) {
  registration = sqlite3_initialize();
  if (registration != SQLITE_OK) return;
  unix_vfs = sqlite3_vfs_find("unix");
  if (!unix_vfs) {
    registration = SQLITE_ERROR;
    return;
  }
  // Everything that is not about files goes straight to the unix VFS, which ignores its first argument there.
  fault_vfs = *unix_vfs;
  fault_vfs.pNext = NULL;
  fault_vfs.iVersion = 2;
  fault_vfs.zName = LOCI_FAULT_VFS_NAME;
  fault_vfs.szOsFile = unix_vfs->szOsFile + (int)HANDLE_BYTES;
  fault_vfs.xOpen = vfs_open;
  fault_vfs.xDelete = vfs_delete;
  registration = sqlite3_vfs_register(&fault_vfs, 0);
}

int32_t loci_fault_register(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, register_once);
  return registration;
}
