public import IOBuffers

/// Why a ``ConnectionReader`` could not read. The bytes that have come are still in the reader, so that the peer can be
/// answered, or the call repeated.
public enum ReadError: Error, Equatable, Sendable {
  /// The connection broke, this side ended it, the task was cancelled, or the time ran out: what the error says.
  case connection(SocketError)
  /// The bytes that were asked for do not end within the limit, in bytes.
  case tooLong(limit: Int)
  /// The peer has ended its stream in the middle of what was asked for: so many bytes of it are there, and so many are
  /// missing, where that is known.
  case endedInTheMiddle(leftover: Int, missing: Int?)
  /// There was no memory to read into, or the bytes could not be cut.
  case buffer(BufferError)
}

extension ReadError {
  /// Why the connection could not be read, where that was the reason.
  public var socketError: SocketError? {
    if case .connection(let error) = self { error } else { nil }
  }
}

extension ReadError: CustomStringConvertible {
  /// One sentence for people.
  public var description: String {
    switch self {
    case .connection(let error): return error.description
    case .tooLong(let limit): return "the peer sent more than the \(limit) bytes that are allowed here"
    case .endedInTheMiddle(let leftover, let missing):
      let rest = missing.map { ", \($0) are missing" } ?? ""
      return "the peer ended its stream in the middle: \(leftover) bytes are there\(rest)"
    case .buffer(let error): return error.description
    }
  }
}

extension ReadError: CancellationReport {
  var isCancellation: Bool { socketError?.kind == .cancelled }
}
