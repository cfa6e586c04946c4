/// Why the system found no addresses of a host: getaddrinfo(3).
public struct ResolveError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The host that was looked up.
  public let host: String
  /// The code of getaddrinfo(3), such as EAI_NONAME; 0 when it was not called.
  public let code: Int32
  /// What it means.
  public let reason: String

  /// A failure to look `host` up.
  public init(host: String, code: Int32, reason: String) {
    self.host = host
    self.code = code
    self.reason = reason
  }

  /// What happened to which host.
  public var description: String { "look up '\(host)': \(reason)" }
}
