/// The bytes of a stream that are not yet used, and the decoder that finds the frames in them.
///
/// ```swift
/// framer.append(view)                       // what was received
/// while let frame = try framer.next() {     // every frame that is whole by now
///   handle(frame)
/// }
/// ```
///
/// What is left stays for the next call. At the end of the stream, ``end()`` says whether it ended where it may.
///
/// It allocates nothing as long as the bytes are in one view. One thread at a time may use it, any thread, if the decoder
/// allows that.
public struct Framer<Decoder: FrameDecoder & ~Copyable>: ~Copyable {
  /// Finds the frames.
  public var decoder: Decoder
  /// What has come and is not yet used. A protocol that changes goes on with ``ByteQueue/take()`` of it.
  public var bytes: ByteQueue

  /// Creates a framer without bytes.
  ///
  /// - Parameter decoder: finds the frames.
  @inlinable
  public init(_ decoder: consuming Decoder) {
    self.decoder = decoder
    bytes = ByteQueue()
  }

  /// Creates a framer that goes on with bytes that came earlier.
  ///
  /// - Parameters:
  ///   - decoder: finds the frames.
  ///   - bytes: what has come and is not yet used.
  @inlinable
  public init(_ decoder: consuming Decoder, bytes: consuming ByteQueue) {
    self.decoder = decoder
    self.bytes = bytes
  }

  /// Adds what came next.
  ///
  /// - Parameter view: what the framer takes over.
  @inlinable
  public mutating func append(_ view: consuming ReadView) {
    bytes.append(view)
  }

  /// Adds what came next.
  ///
  /// - Parameter views: what the framer takes over.
  @inlinable
  public mutating func append(_ views: consuming ByteQueue) {
    bytes.append(views)
  }

  /// The next frame.
  ///
  /// - Returns: the frame; nil if more bytes are needed.
  /// - Throws: what the decoder throws. The decoders of this module then throw the same again: there is no way on.
  @inlinable
  public mutating func next() throws(Decoder.Failure) -> Decoder.Frame? {
    try decoder.decode(&bytes)
  }

  /// The next frame when no more bytes will come. To be called until it gives nil.
  ///
  /// - Returns: the frame; nil if the stream ended where it may, and there are no more frames.
  /// - Throws: what the decoder throws; most throw ``FrameError/endedInTheMiddle(leftover:)``.
  @inlinable
  public mutating func end() throws(Decoder.Failure) -> Decoder.Frame? {
    try decoder.decodeLast(&bytes)
  }
}

extension Framer: Sendable where Decoder: Sendable & ~Copyable {}
