/// Why bytes are not frames. From the decoders of this module, and from those of one's own that need no error but these.
public enum FrameError: Error, Equatable, Sendable {
  /// A frame is longer than the decoder allows, or says that it is; in bytes.
  case tooLong(limit: Int)
  /// The stream ended, and these bytes are left, which are not a whole frame.
  case endedInTheMiddle(leftover: Int)
  /// The bytes break the rules of the protocol; the text says which.
  case malformed(String)
  /// The bytes could not be cut or joined.
  case buffer(BufferError)
}

extension FrameError: CustomStringConvertible {
  /// One sentence for people.
  public var description: String {
    switch self {
    case .tooLong(let limit): "a frame is longer than the \(limit) bytes that are allowed"
    case .endedInTheMiddle(let leftover): "the stream ended in the middle of a frame: \(leftover) bytes are left"
    case .malformed(let what): "malformed: \(what)"
    case .buffer(let error): error.description
    }
  }
}
