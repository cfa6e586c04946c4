internal import Glibc
internal import SystemPackage

/// A regular file that is open.
///
/// A reference may be shared by any number of tasks and connections, of any loop: every operation names its own offset, so
/// there is no position that they could disturb each other with. It is closed with its last reference, and a connection that
/// sends it holds one until it is done. What was written is safe on the disk only after ``sync(dataOnly:)``, which alone reports what
/// went wrong.
///
/// ``size``, ``modificationTime`` and ``identity`` are those of the moment of opening. A file may be truncated or written to by
/// others all the same: see ``FileError/Kind/ended``. One that is replaced by another of its name, by rename(2), is not
/// touched by that.
public final class File: Sendable {
  /// The loop that opened it, on which ``read(at:count:into:)`` and its relatives wait.
  public let loop: EventLoop
  /// The path that it was opened by; below a directory, the name.
  public let path: String
  /// How many bytes it had when it was opened.
  public let size: Int
  /// When its contents were last changed before it was opened, since 1970-01-01 00:00 UTC.
  public let modificationTime: Duration
  /// What tells it from all other files.
  public let identity: FileIdentity

  let descriptor: Int32
  let isWritable: Bool

  /// Takes over a descriptor of a regular file.
  init(_ descriptor: Int32, _ status: FileStatus, loop: EventLoop, path: String, isWritable: Bool) {
    self.descriptor = descriptor
    self.loop = loop
    self.path = path
    self.isWritable = isWritable
    size = status.size
    modificationTime = status.modificationTime
    identity = status.identity
  }

  deinit {
    // Closing what was only read waits for nothing. What was written to may be flushed by it, over a network too.
    guard isWritable, loop.isCurrent, let engine = loop.existingFiles else {
      Glibc.close(descriptor)
      return
    }
    engine.close(descriptor)
  }
}

/// What tells one file from all others of this system while it exists: where it is stored, and not its name.
public struct FileIdentity: Hashable, Sendable {
  /// The number of the device.
  public let device: UInt64
  /// The number of the inode there.
  public let inode: UInt64
}

/// What fstat(2) says. The inode of an open file is in memory: nothing is waited for.
struct FileStatus {
  var type: FileType
  var size: Int
  var modificationTime: Duration
  var identity: FileIdentity

  init(of descriptor: Int32) throws(Errno) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw Errno(rawValue: errno) }
    type =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .regular
      case S_IFDIR: .directory
      case S_IFIFO: .pipe
      case S_IFCHR, S_IFBLK: .device
      case S_IFSOCK: .socket
      default: .unknown
      }
    size = Int(status.st_size)
    modificationTime = .seconds(status.st_mtim.tv_sec) + .nanoseconds(status.st_mtim.tv_nsec)
    identity = FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
  }
}

/// A directory that files are opened beneath: see ``EventLoop/open(_:beneath:_:)``. Closed with its last reference; any thread.
public final class Directory: Sendable {
  /// The path that it was opened by.
  public let path: String
  let descriptor: Int32

  /// Takes over a descriptor of a directory.
  init(_ descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  deinit { Glibc.close(descriptor) }
}
