#include "vfs.h"

#include <stdlib.h>
#include <string.h>

struct loci_plain_file {
  const char *name;
  sqlite3_file *handle;
};

int32_t loci_plain_file_open(const char *path, bool create, loci_plain_file **out) {
  *out = NULL;
  int32_t rc = loci_sqlite_initialize();
  if (rc != SQLITE_OK) return rc;
  sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
  char full[LOCI_PATH_BYTES_MAX];
  rc = vfs->xFullPathname(vfs, path, sizeof full, full);
  if (rc != SQLITE_OK && rc != SQLITE_OK_SYMLINK) return rc;
  loci_plain_file *file = calloc(1, sizeof *file);
  // A VFS expects names in SQLite's own form, and keeps the pointer.
  const char *name = file ? sqlite3_create_filename(full, "", "", 0, NULL) : NULL;
  sqlite3_file *handle = name ? calloc(1, (size_t)vfs->szOsFile) : NULL;
  if (!handle) {
    sqlite3_free_filename((char *)name);
    free(file);
    return SQLITE_NOMEM;
  }
  // "Super-journal" is the kind of file that SQLite neither locks nor reads pages from, and whose folder it syncs
  // with the first sync after making it.
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_SUPER_JOURNAL | (create ? SQLITE_OPEN_CREATE : 0);
  rc = vfs->xOpen(vfs, name, handle, flags, NULL);
  if (rc != SQLITE_OK) {
    sqlite3_free_filename((char *)name);
    free(handle);
    free(file);
    return rc;
  }
  file->name = name;
  file->handle = handle;
  *out = file;
  return SQLITE_OK;
}

void loci_plain_file_close(loci_plain_file *file) {
  file->handle->pMethods->xClose(file->handle);
  sqlite3_free_filename((char *)file->name);
  free(file->handle);
  free(file);
}

int32_t loci_plain_file_size(loci_plain_file *file, int64_t *size) {
  sqlite3_int64 bytes = 0;
  int rc = file->handle->pMethods->xFileSize(file->handle, &bytes);
  *size = bytes;
  return rc;
}

int32_t loci_plain_file_read(loci_plain_file *file, void *bytes, int32_t count, int64_t offset) {
  int rc = file->handle->pMethods->xRead(file->handle, bytes, count, offset);
  return rc == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : rc;
}

int32_t loci_plain_file_write(loci_plain_file *file, const void *bytes, int32_t count, int64_t offset) {
  return file->handle->pMethods->xWrite(file->handle, bytes, count, offset);
}

int32_t loci_plain_file_sync(loci_plain_file *file) {
  return file->handle->pMethods->xSync(file->handle, SQLITE_SYNC_NORMAL);
}
