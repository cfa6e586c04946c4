/// Anything that can lend locked views of its memory: a buffer of an arena, memory of another library, a mapped file.
///
/// This is the other half of the buffer protocol (PEP 3118): not everyone has to use one allocator in order to share
/// memory, only one way to lend and lock it. A type of your own adopts it by keeping a ``ForeignBuffer`` or a
/// ``PooledBuffer`` and forwarding to it.
///
/// Generic code that has an `Exporter: BufferExporter & ~Copyable` lends with `readView()`, `readView(of:)`,
/// `writeView()` and `writeView(of:)`; the diagnostics then name the place of that call.
public protocol BufferExporter: ~Copyable, Sendable {
  /// The number of bytes that can be lent.
  var count: Int { get }

  /// Lends a reader.
  ///
  /// - Parameters:
  ///   - range: offsets within 0..<``count``.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Returns: the view; it stays valid when the exporter goes.
  /// - Throws: ``BufferError/locked(_:)`` if a writer is out, ``BufferError/outOfBounds(range:count:)``,
  ///   ``BufferError/tooManyViews``.
  borrowing func readView(of range: Range<Int>, file: StaticString, line: UInt) throws(BufferError) -> ReadView

  /// Lends a writer.
  ///
  /// - Parameters:
  ///   - range: offsets within 0..<``count``.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Returns: the view; it stays valid when the exporter goes.
  /// - Throws: ``BufferError/locked(_:)`` if any view is out, ``BufferError/outOfBounds(range:count:)``.
  borrowing func writeView(of range: Range<Int>, file: StaticString, line: UInt) throws(BufferError) -> WriteView
}

// The same for all exporters: the place of the call, filled in. A requirement cannot have default arguments. The second
// label keeps these from being taken for implementations of the requirements.
extension BufferExporter where Self: ~Copyable {
  /// Lends a reader of all bytes.
  ///
  /// - Throws: ``BufferError/locked(_:)`` if a writer is out, ``BufferError/tooManyViews``.
  @inlinable
  public borrowing func readView(
    at file: StaticString = #fileID,
    _ line: UInt = #line
  ) throws(BufferError) -> ReadView {
    try readView(of: 0..<count, file: file, line: line)
  }

  /// Lends a reader of a part of the bytes.
  ///
  /// - Parameters:
  ///   - range: offsets within 0..<``count``.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Throws: ``BufferError/locked(_:)`` if a writer is out, ``BufferError/outOfBounds(range:count:)``,
  ///   ``BufferError/tooManyViews``.
  @inlinable
  public borrowing func readView(
    of range: Range<Int>,
    at file: StaticString = #fileID,
    _ line: UInt = #line
  ) throws(BufferError) -> ReadView {
    try readView(of: range, file: file, line: line)
  }

  /// Lends the writer of all bytes.
  ///
  /// - Throws: ``BufferError/locked(_:)`` if any view is out.
  @inlinable
  public borrowing func writeView(
    at file: StaticString = #fileID,
    _ line: UInt = #line
  ) throws(BufferError) -> WriteView {
    try writeView(of: 0..<count, file: file, line: line)
  }

  /// Lends the writer of a part of the bytes.
  ///
  /// - Parameters:
  ///   - range: offsets within 0..<``count``.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Throws: ``BufferError/locked(_:)`` if any view is out, ``BufferError/outOfBounds(range:count:)``.
  @inlinable
  public borrowing func writeView(
    of range: Range<Int>,
    at file: StaticString = #fileID,
    _ line: UInt = #line
  ) throws(BufferError) -> WriteView {
    try writeView(of: range, file: file, line: line)
  }
}

extension PooledBuffer: BufferExporter {}
