/// A read view that can be copied: for arrays, dictionaries, closures and whatever else takes copyable values only.
///
/// All copies of the reference are one view, with one lock, which is given back with the last of them. One allocation;
/// a plain ``ReadView`` has none. Any number of threads may use it at a time.
public final class SharedView: Sendable {
  @usableFromInline
  let held: ReadView

  /// Takes a view over.
  ///
  /// - Parameter view: what to share.
  @inlinable
  public init(_ view: consuming ReadView) {
    held = view
  }

  /// The number of bytes.
  @inlinable
  public var count: Int { held.count }

  /// Whether there are no bytes.
  @inlinable
  public var isEmpty: Bool { held.isEmpty }

  /// Calls `body` with the bytes.
  ///
  /// - Parameter body: reads the bytes; they cannot escape it.
  /// - Returns: what `body` returns.
  @inlinable
  public func withBytes<R: ~Copyable, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    try held.withBytes(body)
  }

  /// Another reader of the same bytes, to be sent or cut; this one stays. One atomic operation, no copy.
  ///
  /// - Parameters:
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Returns: the view, which is the caller's, and stays valid when this object goes.
  /// - Throws: ``BufferError/tooManyViews``.
  @inlinable
  public func view(file: StaticString = #fileID, line: UInt = #line) throws(BufferError) -> ReadView {
    try held.share(file: file, line: line)
  }

  /// The same of a part of the bytes.
  ///
  /// - Parameters:
  ///   - range: offsets within 0..<``count``.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Returns: the view, which is the caller's, and stays valid when this object goes.
  /// - Throws: ``BufferError/outOfBounds(range:count:)``, ``BufferError/tooManyViews``.
  @inlinable
  public func view(
    of range: Range<Int>,
    file: StaticString = #fileID,
    line: UInt = #line
  ) throws(BufferError) -> ReadView {
    try held.slice(range, file: file, line: line)
  }
}
