import CLociFaultVFS
import CLociSQLite

/// Watches the files of one folder: see loci_fault_vfs.h. Close the files before it goes.
@safe final class FaultSession: Sendable {
  private nonisolated(unsafe) let handle: OpaquePointer  // the C side takes a lock in every call

  /// The fault VFS lies below the checking one for the whole test process, and lets other folders pass.
  private static let isInstalled: Bool = {
    let registered = loci_fault_register()
    let stacked = unsafe loci_sqlite_set_base(LOCI_FAULT_VFS_NAME)
    precondition(registered == 0 && stacked == 0, "the fault VFS cannot be registered")
    return true
  }()

  init(_ folder: TemporaryFolder) {
    _ = Self.isInstalled
    guard let handle = unsafe loci_fault_begin(folder.path) else { preconditionFailure("out of memory") }
    unsafe self.handle = handle
  }

  deinit { unsafe loci_fault_end(handle) }

  func record(_ on: Bool) { unsafe loci_fault_record(handle, on) }
  func mark(_ value: UInt64) { unsafe loci_fault_mark(handle, Int64(value)) }
  func fail(from n: Int, _ error: loci_fault_error) { unsafe loci_fault_fail_from(handle, UInt64(n), error) }
  func failSyncs(from n: Int) { unsafe loci_fault_fail_syncs_from(handle, UInt64(n)) }
  func stopFailing() { unsafe loci_fault_fail_from(handle, 0, .noSpace) }
  func setQuota(_ bytes: Int) { unsafe loci_fault_set_quota(handle, Int64(bytes)) }
  var failures: Int { unsafe Int(loci_fault_failures(handle)) }
  var syncFailed: Bool { unsafe loci_fault_sync_failed(handle) }

  /// What happened while recording, in order. Recording must be off.
  var operations: [Operation] {
    unsafe (0..<loci_fault_operation_count(handle)).map { index in
      unsafe Operation(loci_fault_operation_at(handle, index))
    }
  }

  struct Operation: Sendable {
    let kind: loci_fault_kind
    let name: String
    /// Of a write; the new size of a truncation; the value of a mark.
    let offset: Int
    let bytes: [UInt8]

    init(_ operation: loci_fault_operation) {
      unsafe kind = operation.kind
      unsafe name = String(cString: operation.name)
      unsafe offset = Int(operation.offset)
      let count = unsafe Int(operation.count)
      unsafe bytes = Array(UnsafeBufferPointer(start: operation.bytes, count: count))
    }
  }
}
