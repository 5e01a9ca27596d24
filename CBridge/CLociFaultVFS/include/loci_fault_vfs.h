/// A SQLite VFS for tests, over "unix": records what reaches the disk and fails what it is told to fail. It does
/// nothing to files outside the folders that a session watches, so tests can run side by side.
#ifndef LOCI_FAULT_VFS_H
#define LOCI_FAULT_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

#define LOCI_FAULT_VFS_NAME "loci-fault"

/// Registers the VFS, not as the default. Idempotent. Returns a SQLite result code.
int32_t loci_fault_register(void);

typedef struct loci_fault_session loci_fault_session;

/// Watches the files below `folder`, an absolute path without links. NULL when out of memory.
loci_fault_session *_Nullable loci_fault_begin(const char *folder);
/// Ends the session; its files must be closed.
void loci_fault_end(loci_fault_session *session);

// MARK: Recording

typedef enum __attribute__((enum_extensibility(closed))) loci_fault_kind : int32_t {
  LOCI_FAULT_CREATE __attribute__((swift_name("create"))) = 0,
  LOCI_FAULT_WRITE __attribute__((swift_name("write"))) = 1,
  LOCI_FAULT_TRUNCATE __attribute__((swift_name("truncate"))) = 2,
  /// Content of one file.
  LOCI_FAULT_SYNC __attribute__((swift_name("sync"))) = 3,
  LOCI_FAULT_DELETE __attribute__((swift_name("delete"))) = 4,
  /// Names in the folder: what was made and deleted before.
  LOCI_FAULT_SYNC_FOLDER __attribute__((swift_name("syncFolder"))) = 5,
  /// Put there by the test.
  LOCI_FAULT_MARK __attribute__((swift_name("mark"))) = 6
} loci_fault_kind;

typedef struct loci_fault_operation {
  loci_fault_kind kind;
  /// File name without its folder; empty for a mark and a folder's sync.
  const char *name;
  /// Of a write; the new size of a truncation; the value of a mark.
  int64_t offset;
  const uint8_t *_Nullable bytes;
  int32_t count;
} loci_fault_operation;

void loci_fault_record(loci_fault_session *session, bool on);
void loci_fault_mark(loci_fault_session *session, int64_t value);
size_t loci_fault_operation_count(loci_fault_session *session);
/// Valid until the session ends. Recording must be off.
loci_fault_operation loci_fault_operation_at(loci_fault_session *session, size_t index);

// MARK: Failing

typedef enum __attribute__((enum_extensibility(closed))) loci_fault_error : int32_t {
  LOCI_FAULT_NO_SPACE __attribute__((swift_name("noSpace"))) = 0,
  LOCI_FAULT_INPUT_OUTPUT __attribute__((swift_name("inputOutput"))) = 1
} loci_fault_error;

/// Lets the `n`-th write, truncation or sync from now fail (n from 1; 0 for none), and all after it until the
/// next call of this function. Of a failing write, the first half reaches the file. A sync fails only with
/// `LOCI_FAULT_INPUT_OUTPUT`.
void loci_fault_fail_from(loci_fault_session *session, uint64_t n, loci_fault_error error);
/// Only the syncs count and fail.
void loci_fault_fail_syncs_from(loci_fault_session *session, uint64_t n);
/// How many operations have failed.
uint64_t loci_fault_failures(loci_fault_session *session);
bool loci_fault_sync_failed(loci_fault_session *session);

/// Space for the folder's files together, in bytes; negative for no limit. What a write needs beyond it fails as
/// on a full disk.
void loci_fault_set_quota(loci_fault_session *session, int64_t bytes);

#pragma clang assume_nonnull end

#endif
