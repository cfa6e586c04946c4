public import IOBuffers

/// Reading up to a delimiter.
extension ConnectionReader {
  /// The next bytes up to a delimiter, which is taken as well, but not returned. What was looked at once in a call is not looked
  /// at again.
  ///
  /// - Parameters:
  ///   - delimiter: what ends them, in UTF-8. An empty one is never found.
  ///   - limit: the most bytes that there may be before the delimiter; 8192 unless told.
  ///   - timeout: how long to wait for them; as long as it takes (and the reader's deadline allows) unless told.
  /// - Returns: the bytes before the delimiter; nil when the stream ended, and there is nothing before its end.
  /// - Throws: `.tooLong` as soon as no delimiter can come early enough, `.endedInTheMiddle` when the stream ends before one
  ///   came, `.connection`, `.buffer` with `tooManyViews`. All that came is still here.
  public mutating func read(
    until delimiter: StaticString,
    limit: Int = 8192,
    timeout: Duration? = nil
  ) async throws(ReadError) -> ByteQueue? {
    let count = delimiter.withUTF8Buffer { $0.count }
    return try await read(upToAnyOf: count, limit, timeout) { $0.firstRange(of: delimiter, from: $1) }
  }

  /// The same for a delimiter that need not be text.
  ///
  /// - Parameters:
  ///   - delimiter: what ends the bytes. An empty one is never found.
  ///   - limit: the most bytes that there may be before the delimiter; 8192 unless told.
  ///   - timeout: how long to wait for them; as long as it takes (and the reader's deadline allows) unless told.
  /// - Returns: the bytes before the delimiter; nil when the stream ended, and there is nothing before its end.
  /// - Throws: as ``read(until:limit:timeout:)-(StaticString,_,_)``.
  public mutating func read(
    until delimiter: [UInt8],
    limit: Int = 8192,
    timeout: Duration? = nil
  ) async throws(ReadError) -> ByteQueue? {
    try await read(upToAnyOf: delimiter.count, limit, timeout) { $0.firstRange(of: delimiter, from: $1) }
  }

  /// - Parameters:
  ///   - length: of the delimiter.
  ///   - find: looks for it, from an offset on.
  private mutating func read(
    upToAnyOf length: Int,
    _ limit: Int,
    _ timeout: Duration?,
    _ find: (borrowing ByteQueue, Int) -> Range<Int>?
  ) async throws(ReadError) -> ByteQueue? {
    let limit = max(0, limit)
    var scanned = 0
    var end: UInt64?
    while true {
      if length > 0, let range = find(bytes, scanned) {
        guard range.lowerBound <= limit else { throw .tooLong(limit: limit) }
        return try take(range.lowerBound, dropping: length)
      }
      // A delimiter may have begun in the last bytes, one less than it has.
      scanned = max(0, bytes.count - max(0, length - 1))
      guard scanned <= limit else { throw .tooLong(limit: limit) }
      let deadline = end ?? self.end(of: timeout)
      end = deadline
      guard try await more(deadline) else { return try endBetweenMessages() }
    }
  }

  /// The next line, which ends with a line feed, or with a carriage return and a line feed. These are taken as well, but not
  /// returned.
  ///
  /// - Parameters:
  ///   - limit: the most bytes that the line may have, without what ends it; 8192 unless told.
  ///   - timeout: how long to wait for it; as long as it takes (and the reader's deadline allows) unless told.
  /// - Returns: the line; nil when the stream ended, and there is nothing before its end.
  /// - Throws: as ``read(until:limit:timeout:)-(StaticString,_,_)``.
  public mutating func readLine(limit: Int = 8192, timeout: Duration? = nil) async throws(ReadError) -> ByteQueue? {
    var decoder = LineDecoder(maximumLength: limit)
    var end: UInt64?
    while true {
      do throws(FrameError) {
        if let line = try decoder.decode(&bytes) { return line }
      } catch {
        throw ReadError(error)
      }
      let deadline = end ?? self.end(of: timeout)
      end = deadline
      guard try await more(deadline) else { return try endBetweenMessages() }
    }
  }

  private mutating func take(_ count: Int, dropping suffix: Int) throws(ReadError) -> ByteQueue {
    let taken = try take(count)
    // There are so many, so it cannot throw.
    try? bytes.removePrefix(suffix)
    return taken
  }

  /// The end of the stream, where it may be if nothing is left.
  private func endBetweenMessages() throws(ReadError) -> ByteQueue? {
    guard bytes.isEmpty else { throw .endedInTheMiddle(leftover: bytes.count, missing: nil) }
    return nil
  }
}

extension ReadError {
  /// What the decoder of lines says.
  fileprivate init(_ error: FrameError) {
    switch error {
    case .tooLong(let limit): self = .tooLong(limit: limit)
    case .endedInTheMiddle(let leftover): self = .endedInTheMiddle(leftover: leftover, missing: nil)
    case .buffer(let error): self = .buffer(error)
    // No sequence of bytes is malformed to it.
    case .malformed: self = .buffer(.closed)
    }
  }
}
