#include "vfs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/// How many databases' last damage is remembered after their handles are closed; the oldest gives way.
#define DAMAGE_MAX 64

typedef struct damage_entry {
  char path[LOCI_PATH_BYTES_MAX];
  loci_damage damage;
} damage_entry;

/// SQLite opens handles by path and knows nothing of each other's, so what they share is found here.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static loci_database *databases;
static damage_entry damages[DAMAGE_MAX];
static unsigned damage_next;

loci_database *loci_database_acquire(const char *path) {
  if (strlen(path) >= LOCI_PATH_BYTES_MAX) return NULL;
  pthread_mutex_lock(&lock);
  loci_database *found = databases;
  while (found && strcmp(found->path, path) != 0) found = found->next;
  if (!found && (found = calloc(1, sizeof *found))) {
    strcpy(found->path, path);
    found->next = databases;
    databases = found;
  }
  if (found) found->handles++;
  pthread_mutex_unlock(&lock);
  return found;
}

void loci_database_release(loci_database *database) {
  pthread_mutex_lock(&lock);
  if (--database->handles == 0) {
    loci_database **link = &databases;
    while (*link != database) link = &(*link)->next;
    *link = database->next;
    free(database);
  }
  pthread_mutex_unlock(&lock);
}

static damage_entry *find_damage(const char *path) {
  for (unsigned index = 0; index < DAMAGE_MAX; index++)
    if (strcmp(damages[index].path, path) == 0) return &damages[index];
  return NULL;
}

void loci_damage_record(
    const loci_database *database, loci_damage_kind kind, const char *file, uint32_t number, int64_t offset) {
  const char *slash = strrchr(file, '/');
  const char *name = slash ? slash + 1 : file;
  loci_damage damage = {.kind = kind, .number = number, .offset = offset};
  strncpy(damage.file, name, sizeof damage.file - 1);
  pthread_mutex_lock(&lock);
  damage_entry *entry = find_damage(database->path);
  if (!entry) entry = &damages[damage_next++ % DAMAGE_MAX];
  strcpy(entry->path, database->path);
  entry->damage = damage;
  pthread_mutex_unlock(&lock);
}

/// The path as SQLite hands it to a VFS: absolute, links resolved.
static bool full_path(const char *path, char out[LOCI_PATH_BYTES_MAX]) {
  sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
  if (!vfs) return false;
  int rc = vfs->xFullPathname(vfs, path, LOCI_PATH_BYTES_MAX, out);
  return rc == SQLITE_OK || rc == SQLITE_OK_SYMLINK;
}

bool loci_sqlite_last_damage(const char *path, loci_damage *damage) {
  char full[LOCI_PATH_BYTES_MAX];
  if (!full_path(path, full)) return false;
  pthread_mutex_lock(&lock);
  damage_entry *entry = find_damage(full);
  if (entry) *damage = entry->damage;
  pthread_mutex_unlock(&lock);
  return entry != NULL;
}

void loci_sqlite_forget_damage(const char *path) {
  char full[LOCI_PATH_BYTES_MAX];
  if (!full_path(path, full)) return;
  pthread_mutex_lock(&lock);
  damage_entry *entry = find_damage(full);
  if (entry) entry->path[0] = 0;
  pthread_mutex_unlock(&lock);
}

bool loci_sqlite_is_stopped(const char *path) {
  char full[LOCI_PATH_BYTES_MAX];
  if (!full_path(path, full)) return false;
  pthread_mutex_lock(&lock);
  loci_database *found = databases;
  while (found && strcmp(found->path, full) != 0) found = found->next;
  bool stopped = found && atomic_load(&found->stopped);
  pthread_mutex_unlock(&lock);
  return stopped;
}
