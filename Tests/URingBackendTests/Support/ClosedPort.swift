import CLiburing
import SystemPackage

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A port of 127.0.0.1 at which nobody listens, for as long as this lives: bound, so that nobody else gets it.
///
/// The port of a listener that was closed will not do: another test may have it meanwhile, and a process that is being started
/// holds a copy of every descriptor until its program runs.
struct ClosedPort: ~Copyable {
  private let descriptor: Int32
  let port: UInt16

  init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    var (storage, length) = SocketAddress.loopback(port: 0).kernelForm
    // A sockaddr_storage may be seen as a sockaddr, and has the size that its length says.
    let code = unsafe withUnsafePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(descriptor, $0, length) }
    }
    guard code == 0, let address = Socket.localAddress(of: descriptor) else {
      let error = Errno(rawValue: errno)
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    port = address.port
  }

  deinit { close(descriptor) }
}
