/// Hosts that need no lookup.
enum LiteralHost {
  /// The addresses of a host that is an address already, or this computer's own name for itself; nil: it must be looked up.
  static func addresses(of host: String, port: UInt16) -> Result<[SocketAddress], SocketError>? {
    do throws(SocketError) {
      let address = try SocketAddress(host: host, port: port)
      guard host == "localhost" else { return .success([address]) }
      // RFC 6761, section 6.3: never asked of DNS, always the loopback addresses. What servers mean by it here comes first.
      return .success([address, try SocketAddress(host: "::1", port: port)])
    } catch {
      return error.kind == .invalidScope ? .failure(error) : nil
    }
  }
}
