public import URingBackend

/// Those on the other side.
extension TestNetwork {
  /// Connects a client to a server, and waits until it is connected. That says nothing about whether the server has accepted it.
  ///
  /// The connection stays open until it is closed, or the network ends.
  ///
  /// - Parameter address: where ``serve(at:_:)`` says that the server listens.
  /// - Throws: ``TestNetworkError`` of kind `notConnected` when nobody listens there, or a fault is in the way; `timedOut`.
  public func connect(to address: SocketAddress) throws(TestNetworkError) -> TestPeer {
    let operation = "connect to \(address)"
    try require(for: operation)
    let peer = system.connectPeer(to: address.port)
    peers.append(peer)
    try wait(operation, patience, "a client is connecting") { !peer.isConnecting }
    guard peer.isConnected || peer.hasEnded else { throw TestNetworkError(.notConnected, operation, situation) }
    return TestPeer(self, peer)
  }

  /// Listens, so that the program under test has somebody to connect to.
  ///
  /// - Parameter port: where, on 127.0.0.1; 0 chooses one.
  /// - Throws: ``TestNetworkError`` of kind `portInUse`.
  public func listen(at port: UInt16 = 0) throws(TestNetworkError) -> TestListener {
    try require(for: "listen at port \(port)")
    var chosen = port
    if port == 0 {
      repeat {
        lastPeerPort += 1
        chosen = lastPeerPort
      } while !system.listenAsPeer(at: chosen)
    } else if !system.listenAsPeer(at: port) {
      throw TestNetworkError(.portInUse, "listen at port \(port)", "")
    }
    peerPorts.insert(chosen)
    return TestListener(self, .loopback(port: chosen))
  }
}
