internal import CLiburing
internal import Glibc
internal import SystemPackage

/// Binding Unix sockets to paths: unix(7).
extension Socket {
  /// bind(2), with what ``SocketOptions/Unix`` asks for. After a throw there is no file of this call's making.
  static func bindUnix(
    _ descriptor: Int32,
    to address: SocketAddress,
    _ options: SocketOptions
  ) throws(SocketError) {
    // Names in the abstract namespace have neither permissions nor leftovers.
    guard let path = address.filePath else { return try bind(descriptor, to: address) }
    if let permissions = options.unix.permissions {
      // The file gets the permissions of the socket, less the umask: so it never has more than it should, and the umask,
      // which belongs to the whole process, stays as it is.
      guard fchmod(descriptor, permissions.rawValue) == 0 else { throw failure(.option, address) }
    }
    // Of two servers that start at once, one could else find the other's file before the kernel says whose it is: bind(2)
    // makes the file first. flock(2); others that know nothing of it are looked for twice below.
    let directory = unsafe Glibc.open(directory(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    // One that may be written and not read cannot be locked.
    let isAlone = directory < 0 || lock(directory)
    defer { if directory >= 0 { close(directory) } }
    do throws(SocketError) {
      try bind(descriptor, to: address)
    } catch {
      guard error.errno == .addressInUse, options.unix.removesStaleSocket, isAlone, isStale(path, address) else {
        throw error
      }
      guard unsafe unlink(path) == 0 || errno == ENOENT else { throw failure(.bind, address) }
      try bind(descriptor, to: address)
    }
    guard let permissions = options.unix.permissions else { return }
    do throws(SocketError) {
      try add(permissions, to: path, address)
    } catch {
      // Made by this call, a moment ago.
      _ = unsafe unlink(path)
      throw error
    }
  }

  /// Gives a file the permissions that the umask took from it. Nobody can connect before listen(2).
  private static func add(
    _ permissions: FilePermissions,
    to path: [CChar],
    _ address: SocketAddress
  ) throws(SocketError) {
    var status = stat()
    // The calls read the path up to its NUL, and `lstat` writes a `stat`. So below.
    guard unsafe lstat(path, &status) == 0 else { throw failure(.option, address) }
    guard status.st_mode & 0o7777 != permissions.rawValue else { return }
    // Never through a link that somebody has put there meanwhile.
    guard unsafe fchmodat(AT_FDCWD, path, permissions.rawValue, AT_SYMLINK_NOFOLLOW) == 0 else {
      throw failure(.option, address)
    }
  }

  // MARK: What is left behind

  /// Waits a moment for others, who hold the lock for a few calls, and not for ever for one who means harm.
  private static func lock(_ directory: Int32) -> Bool {
    for _ in 0..<100 {
      if flock(directory, LOCK_EX | LOCK_NB) == 0 { return true }
      // A file system without locks is as one that cannot be read.
      guard errno == EWOULDBLOCK || errno == EINTR else { return true }
      usleep(1000)
    }
    return false
  }

  /// Whether the path is a socket that no socket is bound to, and still is one a moment later.
  private static func isStale(_ path: [CChar], _ address: SocketAddress) -> Bool {
    guard let file = leftover(path, address) else { return false }
    usleep(2000)
    return leftover(path, address) == file
  }

  /// The number of a file that is a socket and that no socket is bound to; nil for all others.
  ///
  /// Asked with a socket of another type: a bound one then answers EPROTOTYPE, whether it listens already or not, and sees no
  /// connection of it; where none is, ECONNREFUSED. See connect(2) and unix(7).
  private static func leftover(_ path: [CChar], _ address: SocketAddress) -> ino_t? {
    var status = stat()
    guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
    let probe = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard probe >= 0 else { return nil }
    defer { close(probe) }
    let code = unsafe withKernelForm(of: address) { unsafe connect(probe, $0, $1) }
    return code != 0 && errno == ECONNREFUSED ? status.st_ino : nil
  }

  private static func directory(of path: [CChar]) -> [CChar] {
    guard let slash = path.lastIndex(of: CChar(UInt8(ascii: "/"))) else { return [CChar(UInt8(ascii: ".")), 0] }
    return Array(path[...slash]) + [0]
  }

  /// fcntl(2), F_DUPFD_CLOEXEC: another descriptor for the same socket.
  static func duplicate(_ descriptor: Int32, _ address: SocketAddress) throws(SocketError) -> Int32 {
    let duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard duplicate >= 0 else { throw failure(.socket, address) }
    return duplicate
  }
}
