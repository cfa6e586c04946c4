/// Writes frames (messages, lines, packets) as bytes. A plain value: no input, no output, no thread of its own.
public protocol FrameEncoder: ~Copyable {
  /// What a frame is.
  associatedtype Frame: ~Copyable

  /// Appends a frame.
  ///
  /// Who appends in several steps should ``OutputBytes/reserve(_:)`` first, so that not a part of a frame is left where one
  /// step fails.
  ///
  /// - Parameters:
  ///   - frame: what to write. It is used up, so that its views can be passed through.
  ///   - output: where to write it.
  /// - Throws: as the functions of ``OutputBytes``; ``BufferError/tooLarge(requested:limit:)`` for a frame that the
  ///   protocol has no way to write.
  mutating func encode(_ frame: consuming Frame, into output: inout OutputBytes) throws(BufferError)
}
