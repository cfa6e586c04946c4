public import URingBackend

/// Where the program under test can connect to: what a server that it needs would be. From ``TestNetwork/listen(at:)``.
public final class TestListener {
  /// Where it listens.
  public let address: SocketAddress
  private let network: TestNetwork

  init(_ network: TestNetwork, _ address: SocketAddress) {
    self.network = network
    self.address = address
  }

  /// Waits for a connection of the program under test, and accepts it.
  ///
  /// - Returns: this end of it.
  /// - Throws: ``TestNetworkError`` of kind `timedOut` when none has come within ``TestNetwork/patience``, or `nothingHappens`
  ///   when none will.
  public func accept() throws(TestNetworkError) -> TestPeer {
    let operation = "accept at \(address)"
    try network.require(for: operation)
    var accepted: SimulatedPeer?
    try network.wait(operation, network.patience, "nobody has connected") {
      accepted = network.system.acceptAsPeer(at: address.port)
      return accepted != nil
    }
    guard let accepted else { throw TestNetworkError(.notConnected, operation, network.situation) }
    network.peers.append(accepted)
    return TestPeer(network, accepted)
  }

  /// Listens no more: whoever connects from now on is refused, and who was not accepted is reset.
  /// - Throws: ``TestNetworkError`` where the network is not to be used.
  public func close() throws(TestNetworkError) {
    try network.require(for: "stop listening at \(address)")
    network.system.stopListeningAsPeer(at: address.port)
    network.peerPorts.remove(address.port)
  }
}

@available(*, unavailable, message: "it belongs to the thread that made its TestNetwork")
extension TestListener: Sendable {}
