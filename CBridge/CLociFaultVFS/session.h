#ifndef LOCI_FAULT_SESSION_H
#define LOCI_FAULT_SESSION_H

#include "loci_fault_vfs.h"

/// The session that watches `path`, or NULL.
loci_fault_session *loci_fault_session_for(const char *path);

/// Whether to go on, and how much of a write may reach the file.
typedef struct loci_fault_verdict {
  /// A SQLite result code.
  int rc;
  int count;
} loci_fault_verdict;

loci_fault_verdict loci_fault_judge_write(
    loci_fault_session *session, int64_t file_bytes, int64_t offset, int count);
loci_fault_verdict loci_fault_judge_truncate(loci_fault_session *session, int64_t file_bytes, int64_t size);
loci_fault_verdict loci_fault_judge_sync(loci_fault_session *session);
void loci_fault_forget_file(loci_fault_session *session, int64_t file_bytes);

void loci_fault_log(
    loci_fault_session *session, loci_fault_kind kind, const char *path, int64_t offset, const void *bytes,
    int count);

#endif
