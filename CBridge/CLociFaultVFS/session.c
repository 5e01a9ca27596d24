#include "session.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

struct loci_fault_session {
  struct loci_fault_session *next;
  size_t folder_bytes;
  char *folder;
  bool recording;
  loci_fault_operation *operations;
  size_t count, capacity;
  /// Operations until the first that fails; 0 when none is to fail.
  uint64_t fail_in;
  bool syncs_only, sync_failed;
  loci_fault_error error;
  uint64_t failures;
  int64_t quota, used;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static loci_fault_session *sessions;

#define LOCKED(statement)        \
  do {                           \
    pthread_mutex_lock(&lock);   \
    statement;                   \
    pthread_mutex_unlock(&lock); \
  } while (0)

loci_fault_session *loci_fault_begin(const char *folder) {
  loci_fault_session *session = calloc(1, sizeof *session);
  if (!session) return NULL;
  session->folder = strdup(folder);
  if (!session->folder) {
    free(session);
    return NULL;
  }
  session->folder_bytes = strlen(folder);
  session->quota = -1;
  LOCKED(session->next = sessions; sessions = session);
  return session;
}

void loci_fault_end(loci_fault_session *session) {
  pthread_mutex_lock(&lock);
  loci_fault_session **link = &sessions;
  while (*link != session) link = &(*link)->next;
  *link = session->next;
  pthread_mutex_unlock(&lock);
  for (size_t index = 0; index < session->count; index++) {
    free((void *)session->operations[index].name);
    free((void *)session->operations[index].bytes);
  }
  free(session->operations);
  free(session->folder);
  free(session);
}

loci_fault_session *loci_fault_session_for(const char *path) {
  pthread_mutex_lock(&lock);
  loci_fault_session *found = sessions;
  while (found && !(strncmp(path, found->folder, found->folder_bytes) == 0 && path[found->folder_bytes] == '/'))
    found = found->next;
  pthread_mutex_unlock(&lock);
  return found;
}

void loci_fault_log(
    loci_fault_session *session, loci_fault_kind kind, const char *path, int64_t offset, const void *bytes,
    int count) {
  pthread_mutex_lock(&lock);
  if (session->recording) {
    if (session->count == session->capacity) {
      session->capacity = session->capacity ? 2 * session->capacity : 1024;
      session->operations = realloc(session->operations, session->capacity * sizeof(loci_fault_operation));
      if (!session->operations) abort();
    }
    const char *slash = strrchr(path, '/');
    uint8_t *copy = bytes ? malloc(count ? (size_t)count : 1) : NULL;
    if (copy) memcpy(copy, bytes, (size_t)count);
    session->operations[session->count++] = (loci_fault_operation){
        .kind = kind, .name = strdup(slash ? slash + 1 : path), .offset = offset, .bytes = copy, .count = count};
  }
  pthread_mutex_unlock(&lock);
}

void loci_fault_record(loci_fault_session *session, bool on) { LOCKED(session->recording = on); }

void loci_fault_mark(loci_fault_session *session, int64_t value) {
  loci_fault_log(session, LOCI_FAULT_MARK, "", value, NULL, 0);
}

size_t loci_fault_operation_count(loci_fault_session *session) { return session->count; }

loci_fault_operation loci_fault_operation_at(loci_fault_session *session, size_t index) {
  return session->operations[index];
}

static void fail_from(loci_fault_session *session, uint64_t n, bool syncs_only, loci_fault_error error) {
  LOCKED(session->fail_in = n; session->syncs_only = syncs_only; session->error = error);
}

void loci_fault_fail_from(loci_fault_session *session, uint64_t n, loci_fault_error error) {
  fail_from(session, n, false, error);
}

void loci_fault_fail_syncs_from(loci_fault_session *session, uint64_t n) {
  fail_from(session, n, true, LOCI_FAULT_INPUT_OUTPUT);
}

uint64_t loci_fault_failures(loci_fault_session *session) {
  uint64_t failures;
  LOCKED(failures = session->failures);
  return failures;
}

bool loci_fault_sync_failed(loci_fault_session *session) {
  bool failed;
  LOCKED(failed = session->sync_failed);
  return failed;
}

void loci_fault_set_quota(loci_fault_session *session, int64_t bytes) { LOCKED(session->quota = bytes); }

/// Counts one operation; true when it is to fail. Under the lock.
static bool comes_due(loci_fault_session *session) {
  if (session->fail_in == 0) return false;
  if (session->fail_in > 1) {
    session->fail_in--;
    return false;
  }
  session->failures++;
  return true;
}

loci_fault_verdict loci_fault_judge_write(
    loci_fault_session *session, int64_t file_bytes, int64_t offset, int count) {
  loci_fault_verdict verdict = {SQLITE_OK, count};
  pthread_mutex_lock(&lock);
  if (!session->syncs_only && comes_due(session)) {
    verdict.rc = session->error == LOCI_FAULT_NO_SPACE ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    verdict.count = count / 2;
  }
  int64_t growth = offset + verdict.count - file_bytes;
  int64_t room = session->quota - session->used;
  if (growth > 0 && session->quota >= 0 && growth > room) {
    session->failures++;
    verdict.rc = SQLITE_FULL;
    verdict.count = room > 0 && verdict.count - (growth - room) > 0 ? (int)(verdict.count - (growth - room)) : 0;
    growth = verdict.count ? room : 0;
  }
  if (growth > 0) session->used += growth;
  pthread_mutex_unlock(&lock);
  return verdict;
}

loci_fault_verdict loci_fault_judge_truncate(loci_fault_session *session, int64_t file_bytes, int64_t size) {
  loci_fault_verdict verdict = {SQLITE_OK, 0};
  pthread_mutex_lock(&lock);
  if (!session->syncs_only && session->error == LOCI_FAULT_INPUT_OUTPUT && comes_due(session))
    verdict.rc = SQLITE_IOERR_TRUNCATE;
  else
    session->used += size - file_bytes;
  pthread_mutex_unlock(&lock);
  return verdict;
}

loci_fault_verdict loci_fault_judge_sync(loci_fault_session *session) {
  loci_fault_verdict verdict = {SQLITE_OK, 0};
  pthread_mutex_lock(&lock);
  if (session->error == LOCI_FAULT_INPUT_OUTPUT && comes_due(session)) {
    verdict.rc = SQLITE_IOERR_FSYNC;
    session->sync_failed = true;
  }
  pthread_mutex_unlock(&lock);
  return verdict;
}

void loci_fault_forget_file(loci_fault_session *session, int64_t file_bytes) {
  LOCKED(session->used -= file_bytes);
}
