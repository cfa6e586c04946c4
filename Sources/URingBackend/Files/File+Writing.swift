public import IOBuffers
internal import SystemPackage

extension File {
  /// Writes the bytes of a view, straight from the memory that it locks, all of them. The view is released when they are written:
  /// into the page cache, from where the kernel brings them to the disk; ``sync(dataOnly:)`` waits for that. Any task.
  ///
  /// - Parameters:
  ///   - view: what to write.
  ///   - offset: where to, in bytes from the start of the file, which grows as needed.
  /// - Throws: `FileError` of operation `.write`: `.system` (ENOSPC, EDQUOT, EIO; EBADF where the file was opened for reading),
  ///   `.cancelled` (some of it may have been written), `.shuttingDown`. pwrite(2).
  public func write(_ view: consuming ReadView, at offset: Int) async throws(FileError) {
    let view = view.detach()
    var failure: FileError?
    do throws(FileError) {
      try await write(view, at: offset)
    } catch {
      failure = error
    }
    // Nobody reads it any more: every operation has had its completion.
    view.releaseReader()
    if let failure { throw failure }
  }

  /// Writes all bytes of a queue, one view after the other.
  ///
  /// - Parameters:
  ///   - queue: what to write; it is used up, whatever comes of it.
  ///   - offset: where the first byte goes.
  /// - Throws: as ``write(_:at:)-(ReadView,_)``.
  public func write(_ queue: consuming ByteQueue, at offset: Int) async throws(FileError) {
    var queue = queue
    var offset = offset
    while let view = queue.popFirst() {
      let count = view.count
      try await write(view, at: offset)
      offset += count
    }
  }

  /// Waits until what was written is on the disk, and says whether it got there.
  ///
  /// - Parameter dataOnly: leave out what is not needed to read the bytes again, such as the time of the change: fdatasync(2).
  /// - Throws: `FileError` of operation `.sync`. An error is reported once: what could not be written is lost. fsync(2).
  public func sync(dataOnly: Bool = false) async throws(FileError) {
    let result = try await loop.perform(.sync, path) { completion in
      unsafe FileOperation(.sync(dataOnly: dataOnly), on: self, completion: completion)
    }
    guard result >= 0 else { throw FileError(.system(Errno(rawValue: -result)), .sync, path: path) }
  }

  private func write(_ view: DetachedView, at offset: Int) async throws(FileError) {
    let count = Int(view.count)
    guard offset >= 0, !offset.addingReportingOverflow(count).overflow else {
      throw FileError(.system(.invalidArgument), .write, path: path)
    }
    var done = 0
    while done < count {
      let start = done
      let result = try await loop.perform(.write, path) { completion in
        // Within the view, whose lock the caller keeps.
        unsafe FileOperation(
          .write(UnsafeRawPointer(view.base + start), count: count - start, offset: offset + start),
          on: self,
          completion: completion
        )
      }
      guard result >= 0 else { throw FileError(.system(Errno(rawValue: -result)), .write, path: path) }
      guard result > 0 else { throw FileError(.system(.ioError), .write, path: path) }
      done += Int(result)
    }
  }
}
