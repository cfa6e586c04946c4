/// Asks the system: /etc/hosts, DNS, and whatever else nsswitch.conf(5) names, by getaddrinfo(3).
///
/// That call blocks, for half a minute where no server answers, and cannot be taken back. So it runs on a thread of its own,
/// never on a loop. All resolvers of a process have ``mostThreads`` threads together; what comes beyond waits. A lookup
/// that nobody waits for any more is not begun, and one that has begun is left to its end.
public struct SystemResolver: HostResolver {
  /// How many lookups run at a time.
  public static let mostThreads = 8

  /// The system's resolver.
  public init() {}

  /// The addresses of a host, in the order of RFC 6724.
  ///
  /// - Throws: ``ResolveError``, or `CancellationError` when the task is cancelled.
  public func addresses(of host: String, port: UInt16) async throws -> [SocketAddress] {
    try await LookupThreads.shared.addresses(of: host).map { $0.with(port: port) }
  }
}
