internal import IOBuffers
public import SystemPackage

/// What went wrong with a file: which operation, on which path, and why.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The class of a failure.
  public enum Kind: Hashable, Sendable {
    /// The kernel refused the operation with this error.
    case system(Errno)
    /// Not a regular file, and nothing else is opened: reading a pipe or a device may wait for ever.
    case notRegular(FileType)
    /// The path is empty, has a NUL in it, or is too long (PATH_MAX).
    case invalidPath
    /// The name leads out of the directory: by `..`, as an absolute path, or through a symbolic link. openat2(2).
    case outsideDirectory
    /// The range is not within the file, which had this size when it was opened.
    case outOfRange(size: Int)
    /// The file came to its end within the range: it was truncated after it had been opened.
    case ended
    /// A view of the buffer is out, so it cannot be read into.
    case locked
    /// There is no memory, however long one waits.
    case noMemory
    /// The task was cancelled.
    case cancelled
    /// The loop is stopping, or has ended.
    case shuttingDown
  }

  /// What was being done.
  public enum Operation: String, Hashable, Sendable {
    /// openat2(2), and statx(2) of what it opened.
    case open
    /// pread(2).
    case read
    /// pwrite(2).
    case write
    /// fsync(2).
    case sync
    /// Sending a file on a connection.
    case send
  }

  /// The class of this failure.
  public let kind: Kind
  /// What was being done.
  public let operation: Operation
  /// The path of the file, as it was given; below a directory, the name.
  public let path: String

  /// A failure of `operation` on a file.
  public init(_ kind: Kind, _ operation: Operation, path: String) {
    self.kind = kind
    self.operation = operation
    self.path = path
  }

  /// The kernel's error number, where the kernel was the one to refuse.
  public var errno: Errno? {
    if case .system(let errno) = kind { errno } else { nil }
  }

  /// What happened and what to do about it.
  public var description: String { "\(operation.rawValue) \(path.debugDescription): \(reason)" }

  private var reason: String {
    switch kind {
    case .system(.tooManyOpenFiles):
      "too many open files in this process; raise `ulimit -n`, or keep fewer open"
    case .system(.noFunction): "the kernel lacks the call (openat2 needs Linux 5.6), or a seccomp filter refuses it"
    case .system(let errno): "\(errno.description) (errno \(errno.rawValue))"
    case .notRegular(let type): "not a regular file, but \(type.article)"
    case .invalidPath: "a path is not empty, has no NUL, and is shorter than 4096 bytes"
    case .outsideDirectory: "the name leads out of the directory"
    case .outOfRange(let size): "the range is not within the file, which had \(size) bytes when it was opened"
    case .ended: "the file was truncated after it had been opened"
    case .locked: "a view of the buffer is out; release it first"
    case .noMemory: "no memory to read into; raise bufferBytes"
    case .cancelled: "the task was cancelled"
    case .shuttingDown: "the loop is shutting down"
    }
  }

  init(buffer error: BufferError, _ operation: Operation, path: String) {
    let kind: Kind =
      switch error {
      case .locked: .locked
      case .cancelled: .cancelled
      case .closed: .shuttingDown
      default: .noMemory
      }
    self.init(kind, operation, path: path)
  }
}

extension FileError: CancellationReport {
  var isCancellation: Bool { kind == .cancelled }
}

/// What a path leads to.
public enum FileType: String, Hashable, Sendable {
  /// A regular file.
  case regular
  /// A directory.
  case directory
  /// A pipe with a name, fifo(7).
  case pipe
  /// A device of any kind.
  case device
  /// A socket.
  case socket
  /// Something else.
  case unknown

  var article: String {
    switch self {
    case .regular: "a regular file"
    case .directory: "a directory"
    case .pipe: "a FIFO"
    case .device: "a device"
    case .socket: "a socket"
    case .unknown: "something else"
    }
  }
}
