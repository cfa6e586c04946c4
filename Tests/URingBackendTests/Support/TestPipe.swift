import SystemPackage

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A pipe, to see what becomes of descriptors that are passed on: what is written to any of them comes out of this one, and when
/// all of them are closed it ends.
final class TestPipe: Sendable {
  private let readEnd: Int32
  private let writeEnd: Locked<Int32>

  init() throws {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { throw Errno(rawValue: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    readEnd = ends[0]
    writeEnd = Locked(ends[1])
  }

  deinit {
    close(readEnd)
    closeWriteEnd()
  }

  /// Descriptors of their own for the write end.
  func descriptors(_ count: Int) throws -> [Int32] {
    try (0..<count).map { _ in
      let copy = fcntl(writeEnd.value, F_DUPFD_CLOEXEC, 0)
      guard copy >= 0 else { throw Errno(rawValue: errno) }
      return copy
    }
  }

  func list(_ count: Int) throws -> DescriptorList { DescriptorList(adopting: try descriptors(count)) }

  func closeWriteEnd() {
    writeEnd.change { end in
      if end >= 0 { close(end) }
      end = -1
    }
  }

  /// What was written, when every write end is closed: first this one.
  func readToEnd() throws -> [UInt8] {
    closeWriteEnd()
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      var entry = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
      // Some are still open: a guard against a hang.
      guard unsafe poll(&entry, 1, 50_000) > 0 else { throw Errno.timedOut }
      let count = unsafe read(readEnd, &chunk, chunk.count)
      guard count >= 0 else { throw Errno(rawValue: errno) }
      if count == 0 { return bytes }
      bytes += chunk[..<count]
    }
  }
}

extension OwnedDescriptor {
  /// Writes a byte.
  borrowing func write(_ byte: UInt8) throws {
    var byte = byte
    guard unsafe Glibc.write(borrowed.rawValue, &byte, 1) == 1 else { throw Errno(rawValue: errno) }
  }

  /// Whether a program that is started would not have it.
  var isCloseOnExec: Bool { fcntl(borrowed.rawValue, F_GETFD) & FD_CLOEXEC != 0 }
}

extension BlockingClient {
  /// Sends bytes with descriptors, which are closed then.
  func send(_ bytes: [UInt8], passing descriptors: [Int32]) throws {
    defer { for descriptor in descriptors { Glibc.close(descriptor) } }
    var sent = 0
    repeat {
      var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      guard unsafe poll(&entry, 1, 50_000) > 0 else { throw Errno.timedOut }
      sent = unsafe bytes.withUnsafeBytes { unsafe Socket.send(descriptor, $0, passing: descriptors) }
    } while sent == -Int(EAGAIN)
    guard sent > 0 else { throw Errno(rawValue: Int32(-sent)) }
    try send(Array(bytes[sent...]))
  }
}
