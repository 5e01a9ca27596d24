#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Lets only the owner of the socket file connect.
func restrictSocketFile(_ path: String) { _ = unsafe chmod(path, 0o600) }

func removeSocketFile(_ path: String) { _ = unsafe unlink(path) }
