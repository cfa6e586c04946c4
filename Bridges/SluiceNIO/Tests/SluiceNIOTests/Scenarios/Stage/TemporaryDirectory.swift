import NIOCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Lends a directory of its own, which is removed with the few files that are in it.
func withTemporaryDirectory(_ body: (String) async throws -> Void) async throws {
  var template = Array("/tmp/sluice-nio-XXXXXX".utf8CString)
  // The call writes the name into the array, up to its NUL.
  guard unsafe mkdtemp(&template) != nil else { throw IOError(errnoCode: errno, reason: "mkdtemp") }
  let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  defer {
    for name in ["s", "f"] { _ = unsafe unlink(path + "/" + name) }
    _ = unsafe rmdir(path)
  }
  try await body(path)
}

/// Makes an empty file.
func makeFile(_ path: String) throws {
  let descriptor = unsafe open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
  guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "open") }
  close(descriptor)
}

/// Makes a file, and opens it for reading.
func makeFile(_ path: String, holding text: String) throws -> NIOFileHandle {
  let descriptor = unsafe open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
  guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "open") }
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    // The call reads just the bytes that it is lent.
    let written = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
    guard written > 0 else {
      close(descriptor)
      throw IOError(errnoCode: errno, reason: "write")
    }
    rest = rest.dropFirst(written)
  }
  return NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor)
}
