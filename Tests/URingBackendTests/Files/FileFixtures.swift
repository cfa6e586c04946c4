import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension TemporaryDirectory {
  /// Makes a file with bytes of the pattern, and returns its path.
  @discardableResult
  func makeFile(_ name: String, bytes: Int, seed: Int = 0) throws -> String {
    try makeFile(name, Pattern(seed: seed).bytes(count: bytes))
  }

  /// Makes a file, or replaces what it holds, and returns its path.
  @discardableResult
  func makeFile(_ name: String, _ bytes: [UInt8]) throws -> String {
    let path = "\(path)/\(name)"
    let file = try FileDescriptor.open(
      FilePath(path),
      .writeOnly,
      options: [.create, .truncate],
      permissions: .ownerReadWrite
    )
    try file.closeAfter { _ = try file.writeAll(bytes) }
    return path
  }

  /// Makes a file of zeros that takes no room on the disk, and returns its path.
  @discardableResult
  func makeSparseFile(_ name: String, bytes: Int) throws -> String {
    let path = try makeFile(name, [])
    try truncate(name, to: bytes)
    return path
  }

  /// What a file holds.
  func contents(of name: String) throws -> [UInt8] {
    let file = try FileDescriptor.open(FilePath("\(path)/\(name)"), .readOnly)
    return try file.closeAfter {
      var bytes: [UInt8] = []
      var piece = [UInt8](repeating: 0, count: 65_536)
      while case let count = try unsafe piece.withUnsafeMutableBytes({ try unsafe file.read(into: $0) }), count > 0 {
        bytes += piece[..<count]
      }
      return bytes
    }
  }

  /// Gives a file the name of another one, whose place it takes.
  func rename(_ name: String, to other: String) throws {
    guard unsafe Glibc.rename("\(path)/\(name)", "\(path)/\(other)") == 0 else { throw Errno(rawValue: errno) }
  }

  /// Cuts a file, or makes it longer by zeros.
  func truncate(_ name: String, to bytes: Int) throws {
    guard unsafe Glibc.truncate("\(path)/\(name)", bytes) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Has the kernel forget what it has cached of a file, as far as it will.
  func evict(_ name: String) throws {
    let file = try FileDescriptor.open(FilePath("\(path)/\(name)"), .readOnly)
    try file.closeAfter {
      // What is dirty is not forgotten.
      guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
      let code = posix_fadvise(file.rawValue, 0, 0, POSIX_FADV_DONTNEED)
      guard code == 0 else { throw Errno(rawValue: code) }
    }
  }
}

/// Runs a body with a loop, which is shut down behind it with everything back.
func withLoop<Result: Sendable>(
  _ configuration: EventLoop.Configuration = .init(),
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: (EventLoop) async throws -> Result
) async throws -> Result {
  let loop = try EventLoop.start(configuration)
  let result: Result
  do {
    result = try await body(loop)
  } catch {
    await loop.shutdown()
    throw error
  }
  await loop.shutdown()
  #expect(loop.memory.slotsOut == 0, sourceLocation: sourceLocation)
  return result
}
