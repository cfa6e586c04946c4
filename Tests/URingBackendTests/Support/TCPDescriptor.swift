import CLiburing
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension FileDescriptor {
  /// A TCP socket that is connected to nothing.
  static func socketOfTCP() throws -> FileDescriptor {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    return FileDescriptor(rawValue: descriptor)
  }

  /// Whether SO_LINGER with zero seconds is set on a socket.
  var resetsOnClose: Bool {
    var value = linger()
    var length = socklen_t(MemoryLayout<linger>.size)
    let result = unsafe getsockopt(rawValue, SOL_SOCKET, SO_LINGER, &value, &length)
    return result == 0 && value.l_onoff == 1 && value.l_linger == 0
  }
}
