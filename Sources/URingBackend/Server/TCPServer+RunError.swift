extension TCPServer {
  /// `run` was called on a server that has had its run.
  public enum RunError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another call of `run` is under way.
    case alreadyRunning
    /// An earlier call of `run` has served and returned.
    case alreadyRan

    /// What happened and what to do about it.
    public var description: String {
      switch self {
      case .alreadyRunning: "this server runs already, and a server runs once; make another TCPServer, at another port"
      case .alreadyRan: "this server has run, and a server runs once; make another TCPServer to serve again"
      }
    }
  }
}
