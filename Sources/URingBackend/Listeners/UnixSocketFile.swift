internal import CLiburing
internal import Glibc

/// The file that a listening Unix socket is in the file system. bind(2) makes it, and nobody but the program removes it:
/// unix(7).
struct UnixSocketFile {
  private let path: [CChar]
  private let device: dev_t
  private let inode: ino_t
  /// A descriptor of the socket. As long as one is open, the file's number is no other file's, also when the file is gone.
  private let descriptor: Int32

  /// The file of a socket that was bound just now; nil for one that has none.
  init?(of socket: Int32, _ address: SocketAddress) throws(SocketError) {
    guard let path = address.filePath else { return nil }
    var status = stat()
    // The call reads the path up to its NUL, and writes a `stat`. So below. A file that is gone by now is nobody's to remove.
    guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
    do throws(SocketError) {
      descriptor = try Socket.duplicate(socket, address)
    } catch {
      _ = unsafe unlink(path)
      throw error
    }
    self.path = path
    device = status.st_dev
    inode = status.st_ino
  }

  /// Removes the file, if the path is still this one. Once.
  func remove() {
    var status = stat()
    if unsafe lstat(path, &status) == 0, status.st_dev == device, status.st_ino == inode { _ = unsafe unlink(path) }
    Socket.close(descriptor)
  }
}
