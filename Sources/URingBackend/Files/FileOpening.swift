internal import Glibc
public import SystemPackage

/// How a file is opened. open(2).
public struct FileOpening: Sendable, Hashable {
  /// What may be done with the file.
  public enum Access: Sendable, Hashable {
    /// Reading.
    case read
    /// Writing.
    case write
    /// Both.
    case readAndWrite
  }

  /// What may be done with it.
  public var access: Access
  /// Make it, with these permissions (less the umask), where there is none of that name.
  public var create: FilePermissions?
  /// With `create`: refuse one that is there (EEXIST), and the symbolic link that its name may be.
  public var mustNotExist = false
  /// Drop what it holds.
  public var truncate = false

  /// Reading a file that is there, unless told otherwise.
  public init(
    _ access: Access = .read,
    create: FilePermissions? = nil,
    mustNotExist: Bool = false,
    truncate: Bool = false
  ) {
    self.access = access
    self.create = create
    self.mustNotExist = mustNotExist
    self.truncate = truncate
  }

  /// Reading a file that is there.
  public static var read: FileOpening { FileOpening() }
  /// Writing, from the beginning, to a file that is made where there is none.
  public static var overwrite: FileOpening {
    FileOpening(.write, create: [.ownerReadWrite, .groupRead, .otherRead], truncate: true)
  }

  var isWritable: Bool { access != .read || truncate || create != nil }

  /// Flags of open(2). O_NONBLOCK, so that nobody waits for the other end of a pipe or for a device: they are refused when they
  /// are open. To regular files it means nothing.
  var flags: Int32 {
    var flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    switch access {
    case .read: flags |= O_RDONLY
    case .write: flags |= O_WRONLY
    case .readAndWrite: flags |= O_RDWR
    }
    if create != nil { flags |= O_CREAT }
    if create != nil, mustNotExist { flags |= O_EXCL }
    if truncate { flags |= O_TRUNC }
    return flags
  }
}
