/// Finds the frames (messages, lines, packets) in a stream of bytes. A plain value: no input, no output, no thread of its own.
///
/// A decoder of one's own is a struct with one function, which looks whether a whole frame is there and takes it:
///
/// ```swift
/// struct Decoder: FrameDecoder {              // frames of two bytes of length and so many bytes
///   mutating func decode(_ bytes: inout ByteQueue) throws(FrameError) -> ByteQueue? {
///     guard let length = try? bytes.load(at: 0, as: UInt16.self) else { return nil }
///     if length > 1024 { throw .tooLong(limit: 1024) }
///     return try bytes.takeFrame(Int(length), after: 2)
///   }
/// }
/// ```
///
/// A frame may be any type, also one that cannot be copied because it has views. With ``Framer`` it runs anywhere.
public protocol FrameDecoder: ~Copyable {
  /// What a frame is.
  associatedtype Frame: ~Copyable
  /// What is thrown: ``FrameError``, an error type of one's own, or, with a plain `throws`, any error.
  associatedtype Failure: Error = FrameError

  /// Takes the next frame off the front of the bytes.
  ///
  /// The queue of the last call must be passed again, with more bytes at its end or not: a decoder may remember how far it
  /// has looked. Nobody else may take bytes between a call that gave nil and the next one.
  ///
  /// - Parameter bytes: everything that has come and is not yet used.
  /// - Returns: the frame; nil if more bytes are needed. For nil and for errors, the bytes must be as they were, or what was
  ///   taken must be remembered, so that a later call goes on there. Who remembers must also implement
  ///   ``decodeLast(_:)``, if the end of the stream can then be an error without bytes left.
  /// - Throws: if the bytes can never become a frame. There is no way on from here but to end the connection.
  mutating func decode(_ bytes: inout ByteQueue) throws(Failure) -> Frame?

  /// Takes the next frame when no more bytes will come. Called until it gives nil.
  ///
  /// There is a default for decoders that throw ``FrameError`` or any error: as ``decode(_:)``, and bytes that are left at
  /// the end are ``FrameError/endedInTheMiddle(leftover:)``.
  ///
  /// - Parameter bytes: everything that has come and is not yet used.
  /// - Returns: the frame; nil if there are no more.
  /// - Throws: if the stream must not end here.
  mutating func decodeLast(_ bytes: inout ByteQueue) throws(Failure) -> Frame?
}

extension FrameDecoder where Self: ~Copyable, Failure == FrameError {
  /// As `decode`, and bytes that are left at the end are ``FrameError/endedInTheMiddle(leftover:)``.
  @inlinable
  public mutating func decodeLast(_ bytes: inout ByteQueue) throws(FrameError) -> Frame? {
    if let frame = try decode(&bytes) { return frame }
    guard bytes.isEmpty else { throw .endedInTheMiddle(leftover: bytes.count) }
    return nil
  }
}

extension FrameDecoder where Self: ~Copyable, Failure == any Error {
  /// As `decode`, and bytes that are left at the end are ``FrameError/endedInTheMiddle(leftover:)``.
  @inlinable
  public mutating func decodeLast(_ bytes: inout ByteQueue) throws -> Frame? {
    if let frame = try decode(&bytes) { return frame }
    guard bytes.isEmpty else { throw FrameError.endedInTheMiddle(leftover: bytes.count) }
    return nil
  }
}

extension ByteQueue {
  /// Takes a frame and what is around it off the front, if all of it has come. No copy. For decoders.
  ///
  /// - Parameters:
  ///   - length: how many bytes the frame has.
  ///   - prefix: how many bytes before it are dropped: its header.
  ///   - suffix: how many bytes behind it are dropped: its terminator.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Returns: the frame; nil, and nothing is taken, if there are not yet so many bytes.
  /// - Throws: ``FrameError/tooLong(limit:)`` if the three have no sum; ``FrameError/buffer(_:)`` with
  ///   ``BufferError/tooManyViews``, or with ``BufferError/negativeSize(_:)`` if one is below zero. Nothing is then taken.
  @inlinable
  public mutating func takeFrame(
    _ length: Int,
    after prefix: Int = 0,
    before suffix: Int = 0,
    file: StaticString = #fileID,
    line: UInt = #line
  ) throws(FrameError) -> ByteQueue? {
    guard length >= 0, prefix >= 0, suffix >= 0 else { throw .buffer(.negativeSize(min(length, prefix, suffix))) }
    let (inner, isTooLong) = prefix.addingReportingOverflow(length)
    let (outer, overflows) = inner.addingReportingOverflow(suffix)
    if isTooLong || overflows { throw .tooLong(limit: .max) }
    guard outer <= count else { return nil }
    do throws(BufferError) {
      var frame = try takePrefix(inner, file: file, line: line)
      frame.drop(prefix)
      drop(suffix)
      return frame
    } catch {
      throw .buffer(error)
    }
  }
}
