public import IOBuffers
internal import SystemPackage

extension File {
  /// Reads bytes into a buffer, behind what it holds. The kernel writes them where they stay.
  ///
  /// What is in the page cache is read at once, also off the loop; for the rest this waits, through the ring or on a thread, and the
  /// buffer is locked meanwhile. Any task.
  ///
  /// - Parameters:
  ///   - offset: where to begin, in bytes from the start of the file.
  ///   - count: how many bytes.
  ///   - buffer: where to. It grows, and moves, if it has no room for so many.
  /// - Returns: how many were read: fewer than `count` only if the file ends before.
  /// - Throws: `FileError` of operation `.read`: `.system` (EIO, …), `.system(.invalidArgument)` for an offset or count below zero,
  ///   `.locked` while a view of the buffer is out, `.noMemory`, `.cancelled`, `.shuttingDown`. What had been read by then is in
  ///   the buffer: its `count` tells.
  public func read(at offset: Int, count: Int, into buffer: inout PooledBuffer) async throws(FileError) -> Int {
    guard offset >= 0, count >= 0, !offset.addingReportingOverflow(count).overflow else {
      throw FileError(.system(.invalidArgument), .read, path: path)
    }
    let room: DetachedView
    do throws(BufferError) {
      room = try buffer.lendRoom(count)
    } catch {
      throw FileError(buffer: error, .read, path: path)
    }
    var filled = 0
    var failure: FileError?
    do throws(FileError) {
      while filled < count {
        let read = try await readPiece(room, from: filled, at: offset + filled)
        if read == 0 { break }
        filled += read
      }
    } catch {
      failure = error
    }
    // Nobody writes there any more: every operation has had its completion.
    room.releaseWriter()
    do throws(BufferError) {
      try buffer.noteFilled(filled)
    } catch {
      throw FileError(buffer: error, .read, path: path)
    }
    if let failure { throw failure }
    return filled
  }

  /// Reads a range into memory of the loop's arena, as soon as there is some.
  ///
  /// - Parameter range: which bytes; all of the file unless told.
  /// - Returns: the bytes, contiguous in memory.
  /// - Throws: as ``read(at:count:into:)``; `.outOfRange` for bytes that the file did not have when it was opened, and `.ended`
  ///   for those that it has no more.
  public func read(_ range: Range<Int>? = nil) async throws(FileError) -> ReadView {
    let range = try checked(range, .read)
    var buffer: PooledBuffer
    do throws(BufferError) {
      buffer = try await loop.arena.allocateWhenAvailable(minimumCapacity: range.count)
    } catch {
      throw FileError(buffer: error, .read, path: path)
    }
    guard try await read(at: range.lowerBound, count: range.count, into: &buffer) == range.count else {
      throw FileError(.ended, .read, path: path)
    }
    do throws(BufferError) {
      return try buffer.finish()
    } catch {
      throw FileError(buffer: error, .read, path: path)
    }
  }

  /// The range that is meant, which is within the file as it was when it was opened.
  func checked(_ range: Range<Int>?, _ operation: FileError.Operation) throws(FileError) -> Range<Int> {
    guard let range else { return 0..<size }
    guard range.lowerBound >= 0, range.upperBound <= size else {
      throw FileError(.outOfRange(size: size), operation, path: path)
    }
    return range
  }

  /// The most that is copied out of the page cache before others have their turn.
  private static let piece = 1 << 20

  private func readPiece(_ room: DetachedView, from start: Int, at offset: Int) async throws(FileError) -> Int {
    let left = Int(room.count) - start
    // Within the room, which is locked for us until we give it back. So below.
    let read = unsafe FileCall.readCached(self, room.base + start, min(left, File.piece), at: offset)
    if read >= 0 {
      if read < left, read == File.piece { await Task.yield() }
      return read
    }
    let result = try await loop.perform(.read, path) { completion in
      unsafe FileOperation(.read(room.base + start, count: left, offset: offset), on: self, completion: completion)
    }
    guard result >= 0 else { throw FileError(.system(Errno(rawValue: -result)), .read, path: path) }
    return Int(result)
  }
}
