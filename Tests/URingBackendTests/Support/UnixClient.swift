import CLiburing
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension BlockingClient {
  /// Connects to a Unix socket; `@` in front of an abstract name. Shares no code with what is under test.
  /// - Parameters:
  ///   - bufferBytes: SO_SNDBUF; nil leaves the kernel's.
  ///   - guardSeconds: a call that stands still for so long fails instead of hanging for ever.
  convenience init(unix name: String, bufferBytes: Int32? = nil, guardSeconds: Int = 50) throws {
    self.init(adopting: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    if let bufferBytes { try set(SO_SNDBUF, bufferBytes) }
    try set(SO_RCVTIMEO, timeval(tv_sec: guardSeconds, tv_usec: 0))
    try set(SO_SNDTIMEO, timeval(tv_sec: guardSeconds, tv_usec: 0))
    guard unsafe UnixForm.withAddress(name, { unsafe Glibc.connect(descriptor, $0, $1) }) == 0 else {
      throw Errno(rawValue: errno)
    }
  }
}

/// A Unix socket of plain calls, which may listen.
final class PlainUnixListener: Sendable {
  let descriptor: Int32

  /// - Parameter backlog: nil: it is bound, and does not listen.
  init(_ name: String, backlog: Int32?) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    guard unsafe UnixForm.withAddress(name, { unsafe bind(descriptor, $0, $1) }) == 0 else {
      throw Errno(rawValue: errno)
    }
    if let backlog, listen(descriptor, backlog) != 0 { throw Errno(rawValue: errno) }
  }

  deinit { close(descriptor) }

  /// A socket's file with no socket behind it, as after a crash.
  ///
  /// Not at once: a process that is being started holds a copy of every descriptor until its program runs.
  static func leaveBehind(_ name: String) throws {
    _ = try PlainUnixListener(name, backlog: 1)
    while true {
      do {
        _ = try BlockingClient(unix: name)
        usleep(1000)
      } catch {
        guard error as? Errno != .connectionRefused else { return }
      }
    }
  }

  func accept() throws -> BlockingClient {
    let accepted = accept4(descriptor, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
    guard accepted >= 0 else { throw Errno(rawValue: errno) }
    return BlockingClient(adopting: accepted)
  }
}

enum UnixForm {
  /// Calls `body` with the kernel's form of a name.
  static func withAddress<R>(_ name: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> R) rethrows -> R {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var bytes = Array(name.utf8)
    let isAbstract = bytes.first == UInt8(ascii: "@")
    if isAbstract { bytes[0] = 0 } else { bytes.append(0) }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    return try unsafe withUnsafePointer(to: &address) { pointer in
      try unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        try unsafe body($0, socklen_t(MemoryLayout<sa_family_t>.size + bytes.count))
      }
    }
  }
}
