internal import NIOCore
internal import URingBackend

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// Finds the addresses of a host for a bootstrap.
struct HostLookup: Sendable {
  let host: String
  let port: Int
  let resolver: any HostResolver

  /// The addresses, the one to be tried first in front; at least one. At once when the host is an address already; otherwise the
  /// resolver is asked, in a task of its own.
  ///
  /// The future fails with what the resolver throws, or with `ResolveError`.
  func addresses(on loop: RingEventLoop) -> EventLoopFuture<[NIOCore.SocketAddress]> {
    guard let port = UInt16(exactly: port) else {
      return loop.makeFailedFuture(ResolveError(host: host, code: EAI_SERVICE, reason: "there is no port \(port)"))
    }
    if let address = try? NIOCore.SocketAddress(ipAddress: host, port: Int(port)) {
      return loop.makeSucceededFuture([address])
    }
    let promise = loop.makePromise(of: [NIOCore.SocketAddress].self)
    promise.completeWithTask {
      let found = try await resolver.addresses(of: host, port: port)
        .compactMap { NIOCore.SocketAddress($0)?.named(host) }
      guard !found.isEmpty else { throw ResolveError(host: host, code: 0, reason: "it has no address") }
      return found
    }
    return promise.futureResult
  }
}
