internal import Glibc
internal import SystemPackage

extension EventLoop {
  /// Opens a regular file.
  ///
  /// What is in the kernel's cache of names is opened at once; otherwise this waits, and the loop does not.
  ///
  /// ```swift
  /// let file = try await loop.open("/etc/hostname")
  /// ```
  ///
  /// - Parameters:
  ///   - path: as open(2) takes it; one that is relative starts from the working directory of the process.
  ///   - opening: what may be done with the file; reading unless told.
  /// - Returns: the file. It is closed with its last reference.
  /// - Throws: `FileError` of operation `.open`: `.system` with what the kernel said (ENOENT, EACCES, EMFILE, …);
  ///   `.notRegular` for a directory, a FIFO, a device or a socket, of which none makes this wait; `.invalidPath`; `.cancelled`
  ///   when the task is cancelled while it waits; `.shuttingDown` when the loop has ended. openat2(2).
  public func open(_ path: String, _ opening: FileOpening = .read) async throws(FileError) -> File {
    try await open(FileOpen(path, opening, beneath: nil), path, opening)
  }

  /// Opens a regular file by a name that a client may have chosen: nothing outside of the directory can be reached by it, neither by
  /// `..`, nor as an absolute path, nor through symbolic links, which are followed as long as they stay inside.
  ///
  /// - Parameters:
  ///   - name: a path that starts from the directory, without a `/` before it.
  ///   - directory: where the file has to be.
  ///   - opening: what may be done with the file; reading unless told.
  /// - Returns: the file. It is closed with its last reference.
  /// - Throws: `FileError` as ``open(_:_:)``, and `.outsideDirectory`. openat2(2), RESOLVE_BENEATH.
  public func open(
    _ name: String,
    beneath directory: Directory,
    _ opening: FileOpening = .read
  ) async throws(FileError) -> File {
    try await open(FileOpen(name, opening, beneath: directory), name, opening)
  }

  /// Opens a directory, for ``open(_:beneath:_:)``.
  ///
  /// - Parameter path: as open(2) takes it.
  /// - Returns: the directory. It is closed with its last reference.
  /// - Throws: `FileError` as ``open(_:_:)``; `.system(.notDirectory)` for what is none.
  public func openDirectory(_ path: String) async throws(FileError) -> Directory {
    guard let open = FileOpen(directory: path) else { throw FileError(.invalidPath, .open, path: path) }
    return Directory(try await descriptor(open, path), path: path)
  }

  private func open(_ open: FileOpen?, _ path: String, _ opening: FileOpening) async throws(FileError) -> File {
    guard let open else { throw FileError(.invalidPath, .open, path: path) }
    let descriptor = try await descriptor(open, path)
    let status: FileStatus
    do throws(Errno) {
      status = try FileStatus(of: descriptor)
    } catch {
      Glibc.close(descriptor)
      throw FileError(.system(error), .open, path: path)
    }
    guard status.type == .regular else {
      Glibc.close(descriptor)
      throw FileError(.notRegular(status.type), .open, path: path)
    }
    return File(descriptor, status, loop: self, path: path, isWritable: opening.isWritable)
  }

  private func descriptor(_ open: FileOpen, _ path: String) async throws(FileError) -> Int32 {
    var result = FileCall.openCached(open)
    // EINVAL: the kernel is older than the flag.
    if [Errno.resourceTemporarilyUnavailable, .interrupted, .invalidArgument].contains(Errno(rawValue: -result)) {
      result = try await perform(.open, path) { completion in
        unsafe FileOperation(.open(open), completion: completion)
      }
    }
    if result >= 0 { return result }
    let errno = Errno(rawValue: -result)
    // EXDEV is openat2's word for a name that leads out; ELOOP for a magic link, and for a loop of links.
    let isOutside = open.directory != AT_FDCWD && errno == .improperLink
    throw FileError(isOutside ? .outsideDirectory : .system(errno), .open, path: path)
  }

  /// Carries out an operation that may wait for a disk, and suspends the calling task until it has its result. Any task.
  ///
  /// - Parameter make: makes the operation, which calls what it is given with its result. On the loop's thread.
  /// - Returns: the result of the system call, or a negative errno value.
  func perform(
    _ operation: FileError.Operation,
    _ path: String,
    _ make: @escaping @Sendable (_ completion: @escaping (Int32) -> Void) -> FileOperation
  ) async throws(FileError) -> Int32 {
    let ticket = FileTicket()
    let result = await withTaskCancellationHandler {
      // Resumed once: here when it cannot begin, otherwise by the operation, which completes once.
      unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Int32?, Never>) in
        execute { [self] in
          guard let files = files else { return unsafe continuation.resume(returning: nil) }
          guard !ticket.cancellation.isCancelled else {
            return unsafe continuation.resume(returning: -Errno.canceled.rawValue)
          }
          ticket.key = files.begin(make { unsafe continuation.resume(returning: $0) })
        }
      }
    } onCancel: {
      ticket.cancellation.cancel()
      execute { [self] in
        if let key = ticket.key { existingFiles?.cancel(key) }
      }
    }
    guard let result else { throw FileError(.shuttingDown, operation, path: path) }
    if result == -Errno.canceled.rawValue {
      throw FileError(Task.isCancelled ? .cancelled : .shuttingDown, operation, path: path)
    }
    return result
  }

  /// What on files has to wait; made when it is first asked for. Nil once the loop stops. Loop thread only.
  var files: FileEngine? {
    if let engine = existingFiles { return stopping ? nil : engine }
    guard !stopping, !hasEnded else { return nil }
    let means: FileEngine.Means =
      // To a driver that waits for readiness io_uring's own set-up means nothing.
      if !isThreaded { .nobody } else if features.applies(.singleIssuer) { .ring } else { .threads(.shared) }
    let engine = FileEngine(loop: self, means: means)
    attach(engine, family: FileEngine.family)
    return engine
  }

  /// The same, where it has been made.
  var existingFiles: FileEngine? { guest(family: FileEngine.family) as? FileEngine }
}

/// One call, between its task and the loop.
private final class FileTicket: @unchecked Sendable {
  // Why unchecked: `key` belongs to the loop's thread. The operation of that name may be over; then another one could have the
  // name after four thousand million more.
  let cancellation = CancellationTicket()
  var key: UInt32?
}
