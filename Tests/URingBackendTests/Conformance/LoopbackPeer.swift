import CLiburing
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A peer with a TCP socket.
final class LoopbackPeer: Peer {
  private var descriptor: Int32

  /// Takes a connected socket over.
  init(adopting descriptor: Int32) {
    self.descriptor = descriptor
  }

  deinit {
    if descriptor >= 0 { Glibc.close(descriptor) }
  }

  func write(_ bytes: [UInt8]) throws {
    var written = 0
    while written < bytes.count {
      let flags = Int32(MSG_NOSIGNAL)
      // What is left of the array.
      let count = unsafe bytes[written...].withUnsafeBytes { unsafe send(descriptor, $0.baseAddress, $0.count, flags) }
      guard count > 0 else { throw Errno(rawValue: errno) }
      written += count
    }
  }

  func read() throws -> (bytes: [UInt8], end: PeerEnd?) {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    var bytes: [UInt8] = []
    while true {
      // No more than the array holds.
      let count = unsafe chunk.withUnsafeMutableBytes {
        unsafe recv(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
      }
      if count == 0 { return (bytes, .endOfStream) }
      if count > 0 {
        bytes += chunk[..<count]
      } else if errno == ECONNRESET {
        return (bytes, .reset)
      } else if errno == EAGAIN {
        return (bytes, nil)
      } else if errno != EINTR {
        throw Errno(rawValue: errno)
      }
    }
  }

  func finish() throws {
    guard shutdown(descriptor, Int32(SHUT_WR)) == 0 else { throw Errno(rawValue: errno) }
  }

  func reset() throws {
    // Not waiting, and discarding what was not sent: then a close is a RST.
    var value = linger(l_onoff: 1, l_linger: 0)
    let size = socklen_t(MemoryLayout<linger>.size)
    guard unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, size) == 0 else { throw Errno(rawValue: errno) }
    Glibc.close(descriptor)
    descriptor = -1
  }
}
