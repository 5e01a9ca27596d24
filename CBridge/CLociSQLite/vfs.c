#include "vfs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/// Room for the handle of whatever VFS lies below, so that exchanging it cannot overrun a handle that SQLite has
/// allocated meanwhile.
#define BELOW_BYTES_MAX 1024
#define ALIGNED(bytes) (((bytes) + 15) & ~(size_t)15)

static _Atomic(sqlite3_vfs *) below_vfs;

static sqlite3_vfs *below(void) { return atomic_load(&below_vfs); }

/// The database that a log or a journal belongs to.
static loci_database *acquire_for(const char *path, loci_file_kind kind) {
  char name[LOCI_PATH_BYTES_MAX];
  const char *suffix = kind == LOCI_FILE_WAL ? "-wal" : kind == LOCI_FILE_JOURNAL ? "-journal" : "";
  size_t length = strlen(path), suffix_length = strlen(suffix);
  if (length >= sizeof name || length < suffix_length) return NULL;
  memcpy(name, path, length + 1);
  if (strcmp(name + length - suffix_length, suffix) == 0) name[length - suffix_length] = 0;
  return loci_database_acquire(name);
}

/// Reads the header of an existing database. A new one is judged when its first page is written.
static int find_whether_checked(loci_file *file) {
  uint8_t header[100];
  int rc = file->below->pMethods->xRead(file->below, header, sizeof header, 0);
  if (rc == SQLITE_IOERR_SHORT_READ) return SQLITE_OK;
  if (rc == SQLITE_OK && loci_header_is_checked(header)) atomic_store(&file->database->checked, true);
  return rc;
}

/// Tells a connection's two files of each other.
static void connect(loci_file *log, loci_file *database) {
  log->partner = database;
  database->partner = log;
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *handle, int flags, int *out_flags) {
  (void)vfs;
  sqlite3_vfs *real = below();
  loci_file_kind kind;
  if (path && flags & SQLITE_OPEN_MAIN_DB) kind = LOCI_FILE_DATABASE;
  else if (path && flags & SQLITE_OPEN_WAL) kind = LOCI_FILE_WAL;
  else if (path && flags & SQLITE_OPEN_MAIN_JOURNAL) kind = LOCI_FILE_JOURNAL;
  else return real->xOpen(real, path, handle, flags, out_flags);

  loci_file *file = (loci_file *)handle;
  memset(file, 0, sizeof *file);
  file->kind = kind;
  file->path = path;
  file->level = loci_checksum_level_best();
  file->fresh_header_at = -1;
  file->stale_from = INT64_MAX;
  file->below = (sqlite3_file *)((uint8_t *)handle + ALIGNED(sizeof(loci_file)));
  file->below->pMethods = NULL;
  file->database = acquire_for(path, kind);
  if (!file->database) return SQLITE_CANTOPEN;
  int rc = real->xOpen(real, path, file->below, flags, out_flags);
  if (rc == SQLITE_OK && kind == LOCI_FILE_DATABASE) rc = find_whether_checked(file);
  if (rc != SQLITE_OK) {
    if (file->below->pMethods) file->below->pMethods->xClose(file->below);
    loci_database_release(file->database);
    return rc;
  }
  if (kind == LOCI_FILE_WAL) connect(file, (loci_file *)sqlite3_database_file_object(path));
  loci_file_bind_methods(file);
  return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_folder) {
  (void)vfs;
  return below()->xDelete(below(), path, sync_folder);
}
static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *result) {
  (void)vfs;
  return below()->xAccess(below(), path, flags, result);
}
static int vfs_full_pathname(sqlite3_vfs *vfs, const char *path, int count, char *out) {
  (void)vfs;
  return below()->xFullPathname(below(), path, count, out);
}
static void *vfs_dl_open(sqlite3_vfs *vfs, const char *path) {
  (void)vfs;
  return below()->xDlOpen(below(), path);
}
static void vfs_dl_error(sqlite3_vfs *vfs, int count, char *message) {
  (void)vfs;
  below()->xDlError(below(), count, message);
}
static void (*vfs_dl_sym(sqlite3_vfs *vfs, void *library, const char *symbol))(void) {
  (void)vfs;
  return below()->xDlSym(below(), library, symbol);
}
static void vfs_dl_close(sqlite3_vfs *vfs, void *library) {
  (void)vfs;
  below()->xDlClose(below(), library);
}
static int vfs_randomness(sqlite3_vfs *vfs, int count, char *out) {
  (void)vfs;
  return below()->xRandomness(below(), count, out);
}
static int vfs_sleep(sqlite3_vfs *vfs, int microseconds) {
  (void)vfs;
  return below()->xSleep(below(), microseconds);
}
static int vfs_current_time(sqlite3_vfs *vfs, double *time) {
  (void)vfs;
  return below()->xCurrentTime(below(), time);
}
static int vfs_get_last_error(sqlite3_vfs *vfs, int count, char *message) {
  (void)vfs;
  return below()->xGetLastError(below(), count, message);
}
static int vfs_current_time_int64(sqlite3_vfs *vfs, sqlite3_int64 *time) {
  (void)vfs;
  return below()->xCurrentTimeInt64(below(), time);
}

static sqlite3_vfs loci_vfs = {
    .iVersion = 2,
    .szOsFile = (int)ALIGNED(sizeof(loci_file)) + BELOW_BYTES_MAX,
    .mxPathname = LOCI_PATH_BYTES_MAX,
    .zName = "loci",
    .xOpen = vfs_open,
    .xDelete = vfs_delete,
    .xAccess = vfs_access,
    .xFullPathname = vfs_full_pathname,
    .xDlOpen = vfs_dl_open,
    .xDlError = vfs_dl_error,
    .xDlSym = vfs_dl_sym,
    .xDlClose = vfs_dl_close,
    .xRandomness = vfs_randomness,
    .xSleep = vfs_sleep,
    .xCurrentTime = vfs_current_time,
    .xGetLastError = vfs_get_last_error,
    .xCurrentTimeInt64 = vfs_current_time_int64,
};

static int32_t registration = SQLITE_ERROR;

static void initialize_once(void) {
  int rc = sqlite3_initialize();
  sqlite3_vfs *real = rc == SQLITE_OK ? sqlite3_vfs_find(NULL) : NULL;
  if (rc == SQLITE_OK && (!real || real->iVersion < 2 || real->szOsFile > BELOW_BYTES_MAX)) rc = SQLITE_ERROR;
  if (rc == SQLITE_OK) {
    atomic_store(&below_vfs, real);
    rc = sqlite3_vfs_register(&loci_vfs, 1);
  }
  registration = rc;
}

int32_t loci_sqlite_initialize(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, initialize_once);
  return registration;
}

int32_t loci_sqlite_set_base(const char *vfs_name) {
  int32_t rc = loci_sqlite_initialize();
  if (rc != SQLITE_OK) return rc;
  sqlite3_vfs *found = sqlite3_vfs_find(vfs_name);
  if (!found || found == &loci_vfs || found->iVersion < 2 || found->szOsFile > BELOW_BYTES_MAX)
    return SQLITE_ERROR;
  atomic_store(&below_vfs, found);
  return SQLITE_OK;
}

int32_t loci_sqlite_reserve_checksum(sqlite3 *database) {
  int bytes = LOCI_PAGE_CHECKSUM_BYTES;
  return sqlite3_file_control(database, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
}

int32_t loci_sqlite_disable_checkpoint_on_close(sqlite3 *database) {
  return sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
}
