import CLiburing
import SystemPackage

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A listening socket of plain POSIX calls on 127.0.0.1, at a port that the kernel chose.
final class PlainListener: Sendable {
  let descriptor: Int32
  let port: UInt16

  init(backlog: Int32 = 16) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        let bound = unsafe bind(descriptor, address, length)
        return unsafe bound < 0 ? bound : listen(descriptor, backlog) | getsockname(descriptor, address, &length)
      }
    }
    guard result == 0 else { throw Errno(rawValue: errno) }
    port = UInt16(bigEndian: address.sin_port)
  }

  deinit {
    _ = Glibc.close(descriptor)
  }

  func accept() throws -> BlockingClient {
    // Not for the processes that other tests start: what they hold is not closed, nor reset, when this side closes it.
    let accepted = accept4(descriptor, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
    guard accepted >= 0 else { throw Errno(rawValue: errno) }
    return BlockingClient(adopting: accepted)
  }

  /// Connections that nobody accepts, until the kernel answers no more.
  func fillBacklog() throws -> [BlockingClient] {
    var fillers: [BlockingClient] = []
    while fillers.count < 64 {
      let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
      fillers.append(BlockingClient(adopting: filler))
      var (storage, length) = SocketAddress.loopback(port: port).kernelForm
      _ = unsafe withUnsafePointer(to: &storage) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe connect(filler, $0, length) }
      }
      var one = pollfd(fd: filler, events: Int16(POLLOUT), revents: 0)
      if unsafe poll(&one, 1, 100) == 0 { return fillers }
    }
    throw Errno.timedOut
  }
}
