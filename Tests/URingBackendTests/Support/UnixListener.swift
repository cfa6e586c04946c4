import CLiburing
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A listening Unix socket with a name that the kernel chose, outside the file system: unix(7), autobind.
final class UnixListener {
  let descriptor: FileDescriptor
  private var address = sockaddr_storage()
  private var length = socklen_t(MemoryLayout<sa_family_t>.size)

  init() throws {
    descriptor = FileDescriptor(rawValue: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
    address.ss_family = sa_family_t(AF_UNIX)
    try check(unsafe withAddress { unsafe bind(descriptor.rawValue, $0, $1.pointee) })
    try check(listen(descriptor.rawValue, 16))
    length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    try check(unsafe withAddress { unsafe getsockname(descriptor.rawValue, $0, $1) })
  }

  deinit {
    try? descriptor.close()
  }

  func makeClient() throws -> FileDescriptor {
    let client = FileDescriptor(rawValue: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
    try check(unsafe withAddress { unsafe connect(client.rawValue, $0, $1.pointee) })
    return client
  }

  private func check(_ result: Int32) throws {
    if result < 0 { throw Errno(rawValue: errno) }
  }

  private func withAddress(
    _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> Int32 {
    unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe withUnsafeMutablePointer(to: &length) { unsafe body(address, $0) }
      }
    }
  }
}
