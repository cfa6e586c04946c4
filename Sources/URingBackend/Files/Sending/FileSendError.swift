/// Why a file was not sent to its end. What was sent of it stands in the stream: unless the peer can tell that there is less than it was
/// promised, end the connection with `abort()`. A server's body that throws does that.
public struct FileSendError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What failed.
  public enum Reason: Hashable, Sendable {
    /// The file: it was truncated, could not be read, or the range is not within it. Or the task was cancelled.
    case file(FileError)
    /// The connection.
    case connection(SocketError)
  }

  /// What failed.
  public let reason: Reason
  /// Bytes of the file that were sent before. The peer need not have received them.
  public let sent: Int

  /// A failure after so many bytes of the file.
  public init(_ reason: Reason, sent: Int = 0) {
    self.reason = reason
    self.sent = sent
  }

  /// What happened.
  public var description: String {
    switch reason {
    case .file(let error): "\(error), after \(sent) bytes"
    case .connection(let error): "\(error), after \(sent) bytes of a file"
    }
  }

  /// Why the connection failed, where that was the reason.
  public var socketError: SocketError? {
    if case .connection(let error) = reason { error } else { nil }
  }

  /// What is wrong with the file, where that was the reason.
  public var fileError: FileError? {
    if case .file(let error) = reason { error } else { nil }
  }
}

extension FileSendError: CancellationReport {
  var isCancellation: Bool {
    switch reason {
    case .file(let error): error.isCancellation
    case .connection(let error): error.isCancellation
    }
  }
}
