import NIOCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Files for tests, by plain POSIX calls.
enum TemporaryFile {
  static func temporaryPath() -> String { "/tmp/sluice-nio-\(getpid())-\(UInt32.random(in: 0 ... .max))" }

  static func write(_ text: String, to path: String) throws {
    guard let file = unsafe fopen(path, "w") else { throw IOError(errnoCode: errno, reason: "fopen") }
    defer { unsafe fclose(file) }
    let count = text.utf8.count
    // The text lends its bytes for the call.
    guard unsafe text.withCString({ unsafe fwrite($0, 1, count, file) }) == count else {
      throw IOError(errnoCode: errno, reason: "fwrite")
    }
  }

  static func open(_ path: String) throws -> NIOFileHandle {
    let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "open") }
    return NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor)
  }

  static func remove(_ path: String) { _ = unsafe unlink(path) }
}
