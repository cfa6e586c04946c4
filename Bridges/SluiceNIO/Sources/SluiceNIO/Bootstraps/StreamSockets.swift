internal import NIOCore

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// Sockets for channels. Those of a ring block: with O_NONBLOCK it would answer EAGAIN instead of waiting.
enum StreamSockets {
  /// socket(2), close-on-exec.
  static func open(for address: SocketAddress) throws(IOError) -> CInt {
    let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
    let socket = socket(CInt(address.protocol.rawValue), type, 0)
    guard socket >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
    return socket
  }

  /// Makes a socket that somebody else has opened one for the ring. It stays open when that fails.
  static func adopt(_ socket: CInt) throws(IOError) {
    let flags = fcntl(socket, F_GETFL)
    guard flags >= 0 else { throw IOError(errnoCode: errno, reason: "fcntl") }
    guard flags & O_NONBLOCK != 0 else { return }
    guard fcntl(socket, F_SETFL, flags & ~O_NONBLOCK) == 0 else { throw IOError(errnoCode: errno, reason: "fcntl") }
  }

  /// listen(2). It stays open when that fails.
  static func beginListening(_ socket: CInt, backlog: CInt) throws(IOError) {
    guard listen(socket, backlog) == 0 else { throw IOError(errnoCode: errno, reason: "listen") }
  }

  /// Removes the file of a Unix socket. There may be none, but nothing else than a socket is removed.
  static func removeFile(atPath path: String) throws(IOError) {
    var status = stat()
    // Each call reads the path up to its NUL; the first writes a `stat`.
    guard unsafe lstat(path, &status) == 0 else {
      if errno == ENOENT { return }
      throw IOError(errnoCode: errno, reason: "stat")
    }
    guard status.st_mode & S_IFMT == S_IFSOCK else { throw IOError(errnoCode: ENOTSOCK, reason: "unlink") }
    guard unsafe unlink(path) == 0 || errno == ENOENT else { throw IOError(errnoCode: errno, reason: "unlink") }
  }
}
