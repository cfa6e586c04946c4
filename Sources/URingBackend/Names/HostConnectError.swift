/// Why there is no connection to a host: for each of its addresses.
public struct HostConnectError: Error, Sendable, CustomStringConvertible {
  /// The class of a failure.
  public enum Kind: Sendable {
    /// The host has no addresses that are known; ``HostConnectError/lookupFailure`` says why, where there is a reason.
    case notFound
    /// Every address was tried.
    case unreachable
    /// The time that was given ran out, be it while the host was looked up or while its addresses were tried.
    case timedOut
    /// The task was cancelled.
    case cancelled
    /// The loop, or the client, is shutting down.
    case shuttingDown
  }

  /// The host, as it was given.
  public let host: String
  /// The port, as it was given.
  public let port: UInt16
  /// The class of this failure.
  public let kind: Kind
  /// What the resolver threw.
  public let lookupFailure: (any Error)?
  /// What became of the addresses, each with its own in ``SocketError/peer``, in the order in which they failed. Those that
  /// were still being tried when all was given up are there as well.
  public let failures: [SocketError]

  init(
    host: String,
    port: UInt16,
    _ kind: Kind,
    lookupFailure: (any Error)? = nil,
    failures: [SocketError] = []
  ) {
    self.host = host
    self.port = port
    self.kind = kind
    self.lookupFailure = lookupFailure
    self.failures = failures
  }

  /// What happened, and to which address.
  public var description: String {
    let what =
      switch kind {
      case .notFound: lookupFailure.map { "\($0)" } ?? "the host has no addresses"
      case .unreachable: "no address answers"
      case .timedOut: "timed out"
      case .cancelled: "the task was cancelled"
      case .shuttingDown: "the loop or the client is shutting down"
      }
    let list = failures.isEmpty ? "" : ": " + failures.map(\.description).joined(separator: "; ")
    return "connect to '\(host)' port \(port): \(what)\(list)"
  }
}

extension HostConnectError: CancellationReport {
  var isCancellation: Bool { kind == .cancelled }
}
