import URingBackend

/// Why a run is worth nothing, in words for whoever started it.
struct LoadError: Error, Equatable, CustomStringConvertible {
  /// What it is counted as.
  let kind: ErrorKind
  /// What happened and, where it helps, what to do.
  let description: String

  init(_ kind: ErrorKind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  /// An error of a socket.
  init(_ error: SocketError) {
    self.init(LoadError.kind(of: error), error.description)
  }

  private static func kind(of error: SocketError) -> ErrorKind {
    switch error.kind {
    case .timedOut: .timedOut
    case .system(let code): kind(number(of: code))
    default: .other
    }
  }

  // The numbers of Linux (errno(3)); they are the same on every architecture that Swift runs on.
  private static func kind(_ number: CInt) -> ErrorKind {
    switch number {
    case 111: .refused
    case 104, 32: .reset
    case 110: .timedOut
    case 99: .noPorts
    case 23, 24: .noDescriptors
    default: .other
    }
  }

  private static func number(of code: some RawRepresentable<CInt>) -> CInt { code.rawValue }
}
