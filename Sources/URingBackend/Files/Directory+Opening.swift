internal import CLiburing
internal import Glibc
internal import SystemPackage

extension Directory {
  /// Opens a directory before there is a loop, for servers that are given one when they start. The calling thread waits for the
  /// disk; on a loop, use ``EventLoop/openDirectory(_:)``.
  ///
  /// - Parameter path: as open(2) takes it.
  /// - Throws: `FileError` of operation `.open`: `.system` with what the kernel said, `.notDirectory` for what is none;
  ///   `.invalidPath`.
  public convenience init(_ path: String) throws(FileError) {
    guard let open = FileOpen(directory: path) else { throw FileError(.invalidPath, .open, path: path) }
    var descriptor: Int32
    repeat {
      // The path is the object's, which is used below.
      descriptor = unsafe Glibc.open(open.path, Int32(truncatingIfNeeded: open.how.pointee.flags))
    } while descriptor < 0 && errno == EINTR
    guard descriptor >= 0 else { throw FileError(.system(Errno(rawValue: errno)), .open, path: path) }
    self.init(descriptor, path: path)
  }
}
