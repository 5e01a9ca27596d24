import CLociFaultVFS
import CLociSQLite

/// Fails what SQLite does to the files of one folder: see loci_fault_vfs.h. Close the files before it goes.
@safe final class FaultyDisk: Sendable {
  private nonisolated(unsafe) let handle: OpaquePointer  // the C side takes a lock in every call

  private static let isInstalled: Bool = {
    let registered = loci_fault_register()
    let stacked = unsafe loci_sqlite_set_base(LOCI_FAULT_VFS_NAME)
    precondition(registered == 0 && stacked == 0, "the fault VFS cannot be registered")
    return true
  }()

  init(folder: String) {
    _ = Self.isInstalled
    guard let handle = unsafe loci_fault_begin(folder) else { preconditionFailure("out of memory") }
    unsafe self.handle = handle
  }

  deinit { unsafe loci_fault_end(handle) }

  func fail(from n: Int, _ error: loci_fault_error) { unsafe loci_fault_fail_from(handle, UInt64(n), error) }
  func failSyncs(from n: Int) { unsafe loci_fault_fail_syncs_from(handle, UInt64(n)) }
  func stopFailing() { unsafe loci_fault_fail_from(handle, 0, .noSpace) }
  func setQuota(_ bytes: Int) { unsafe loci_fault_set_quota(handle, Int64(bytes)) }
  var failures: Int { unsafe Int(loci_fault_failures(handle)) }
}
