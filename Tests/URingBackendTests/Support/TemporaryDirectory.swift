import CLiburing
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A directory of a test's own, short enough for the path of a Unix socket. Removed with its last reference, with what is
/// in it.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/sluice-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    unsafe chmod(path, 0o700)
    for name in entries { unsafe unlink("\(path)/\(name)") }
    unsafe rmdir(path)
  }

  /// What is in it.
  var entries: [String] {
    guard let directory = unsafe opendir(path) else { return [] }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// The permissions of an entry.
  func mode(of name: String) throws -> mode_t {
    var status = stat()
    guard unsafe lstat("\(path)/\(name)", &status) == 0 else { throw Errno(rawValue: errno) }
    return status.st_mode & 0o7777
  }

  /// unlink(2) of an entry, whether there is one or not.
  func remove(_ name: String) {
    _ = unsafe unlink("\(path)/\(name)")
  }

  /// Makes an ordinary file.
  func makeFile(_ name: String) throws {
    let file = try FileDescriptor.open(
      FilePath("\(path)/\(name)"),
      .writeOnly,
      options: .create,
      permissions: .ownerReadWrite
    )
    try file.close()
  }
}
