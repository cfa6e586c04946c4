public import NIOCore

/// Why there is no connection to a host: as SwiftNIO's `NIOConnectionError`, which only SwiftNIO's own bootstrap can make.
///
/// Where every attempt took too long it is a `ChannelError.connectTimeout` instead, as there.
public struct RingConnectionError: Error, CustomStringConvertible {
  /// An address that was tried.
  public struct Attempt: Sendable {
    /// Where to.
    public let address: SocketAddress
    /// What went wrong.
    public let error: any Error
  }

  /// The host that was asked for.
  public let host: String
  /// The port that was asked for.
  public let port: Int
  /// Why no address was found; nil when there were some.
  public let lookupError: (any Error)?
  /// The addresses that were tried, in their order.
  public internal(set) var connectionErrors: [Attempt] = []

  init(host: String, port: Int, lookupError: (any Error)? = nil) {
    self.host = host
    self.port = port
    self.lookupError = lookupError
  }

  /// What is thrown instead when nothing else happened than that time ran out.
  var timeout: ChannelError? {
    var timeout: ChannelError?
    for attempt in connectionErrors {
      guard let error = attempt.error as? ChannelError, case .connectTimeout = error else { return nil }
      timeout = error
    }
    return timeout
  }

  /// What happened, with each address.
  public var description: String {
    let attempts = connectionErrors.map { "\($0.address): \($0.error)" }
    let reason = lookupError.map { String(describing: $0) } ?? attempts.joined(separator: "; ")
    return "connect to '\(host)', port \(port): \(reason)"
  }
}
