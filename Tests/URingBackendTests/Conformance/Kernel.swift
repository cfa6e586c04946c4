@testable import URingBackend

/// What scenarios run on: a driver, and the network that its sockets are in.
///
/// All that touches a descriptor outside of a ring stands behind it, so that a kernel may be a simulated one. Made, used and
/// dropped on one thread.
protocol Kernel: AnyObject {
  /// Makes a ring. What it offers is in its `features`.
  func makeRing(entries: UInt32, completionEntries: UInt32) throws -> Ring

  /// Two ends of a new TCP connection: a descriptor for the ring, and a peer.
  /// - Parameter smallBuffers: the sockets hold some ten thousand bytes on their way to the peer, and not hundreds of
  ///   thousands, so that a large send has to wait.
  func makeConnection(smallBuffers: Bool) throws -> (descriptor: Int32, peer: any Peer)
  /// A TCP socket that is connected to nothing.
  func makeSocket() throws -> Int32
  /// A TCP socket that listens at an address of its own.
  func makeListener(backlog: Int32) throws -> (descriptor: Int32, address: SocketAddress)
  /// A peer that connects, and is connected when this returns.
  func makePeer(connectedTo address: SocketAddress) throws -> any Peer
  /// Where a connect is refused.
  func addressOfNobody() throws -> SocketAddress
  /// Where a connect is neither taken nor refused.
  func addressOfTheSilent() throws -> SocketAddress
  /// Makes a socket's connect time out as soon as it can.
  func makeImpatient(_ descriptor: Int32)

  /// A UDP socket that is bound, and connected to `address` where there is one.
  func makeDatagramSocket(connectedTo address: SocketAddress?) throws -> Int32

  /// An eventfd(2), at zero.
  func makeEvent() throws -> Int32
  /// Adds one to it.
  func signal(_ event: Int32) throws

  /// Uses up the descriptors that the process, or the thread, may have.
  func useUpDescriptors() throws
  /// Closes a descriptor. Those that the ring has closed are left alone: their numbers may be somebody else's.
  func close(_ descriptor: Int32)

  /// How many turns of the ring it may take until nothing moves any more.
  var turnsToRest: Int { get }
  /// Lets the network come to rest. Called before each turn of the ring.
  func settle()
  /// Whether a connection takes nothing more until its peer reads: all that went out was acknowledged, and there is more,
  /// for which the peer has no room. An acknowledgement that is still under way makes room for more.
  func isFull(_ descriptor: Int32) -> Bool
  /// Waits until so many bytes can be received.
  func waitForInput(_ descriptor: Int32, bytes: Int) throws
  /// Waits until the peer's end, by FIN or RST, has come.
  func waitForEnd(_ descriptor: Int32) throws
  /// Waits until a listener has a connection to accept.
  func waitForConnection(_ listener: Int32) throws
}

extension Kernel {
  var turnsToRest: Int { 4 }
  /// A network that has no datagrams.
  func makeDatagramSocket(connectedTo address: SocketAddress?) throws -> Int32 { throw Scenario.Impossible() }
}
