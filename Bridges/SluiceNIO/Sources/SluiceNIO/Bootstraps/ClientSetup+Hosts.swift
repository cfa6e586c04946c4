internal import NIOCore
internal import URingBackend

/// Connecting to a host by its name.
extension ClientSetup {
  /// Looks the host up, and tries its addresses one by one, each with a channel of its own.
  func connect<Output: Sendable>(
    host: String,
    port: Int,
    output: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
  ) -> EventLoopFuture<Output> {
    let loop = group.nextLoop()
    return HostLookup(host: host, port: port, resolver: resolver).addresses(on: loop)
      .flatMapErrorThrowing { throw RingConnectionError(host: host, port: port, lookupError: $0) }
      .flatMap { addresses in
        attempt(addresses[...], RingConnectionError(host: host, port: port), on: loop, output: output)
      }
  }

  /// - Parameters:
  ///   - addresses: what was not tried yet; not empty.
  ///   - failed: what was.
  private func attempt<Output: Sendable>(
    _ addresses: ArraySlice<NIOCore.SocketAddress>,
    _ failed: RingConnectionError,
    on loop: RingEventLoop,
    output: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
  ) -> EventLoopFuture<Output> {
    let address = addresses[addresses.startIndex]
    return connect(to: address, on: loop, output: output).flatMapError { error in
      var failed = failed
      failed.connectionErrors.append(RingConnectionError.Attempt(address: address, error: error))
      let rest = addresses.dropFirst()
      guard rest.isEmpty else { return attempt(rest, failed, on: loop, output: output) }
      return loop.makeFailedFuture(failed.timeout ?? failed)
    }
  }
}
