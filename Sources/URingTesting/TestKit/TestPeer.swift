/// The other end of a connection of the program under test: a client of the server, or what the program has connected to.
///
/// It has a socket of its own, with buffers of limited size: a peer that does not receive makes the program wait. A call
/// returns when it is done, and lets time pass until then; it waits for ``TestNetwork/patience`` at most without progress.
/// Calls that fail throw ``TestNetworkError``, which says how things stood, and lose nothing: what has been received up to
/// then is there for the next call.
public final class TestPeer {
  let network: TestNetwork
  let peer: SimulatedPeer
  /// Received, and not yet asked for.
  var buffer: [UInt8] = []
  /// How much was received in all.
  var received = 0
  private var sent = 0
  private var isFinished = false
  private var isClosed = false

  init(_ network: TestNetwork, _ peer: SimulatedPeer) {
    self.network = network
    self.peer = peer
  }

  // MARK: State

  /// Bytes that could be received without waiting.
  public var bytesAvailable: Int {
    network.requireThread()
    return buffer.count + peer.bytesAvailable
  }

  /// Whether the program has ended its stream, and all of it was received.
  public var hasEnded: Bool {
    network.requireThread()
    return buffer.isEmpty && peer.hasEnded
  }

  /// Whether the program, or the network, has reset the connection. What had arrived before can still be received.
  public var wasReset: Bool {
    network.requireThread()
    return peer.wasReset
  }

  // MARK: Sending

  /// Sends bytes: returns when all of them are in this end's socket, as send(2) does. How far they come by then is left open.
  ///
  /// - Throws: ``TestNetworkError`` of kind `wasReset`, `closed` after ``finish()`` and ``close()``, `timedOut` and
  ///   `nothingHappens` when the program does not take them.
  public func send(_ bytes: some Sequence<UInt8>) throws(TestNetworkError) {
    let bytes = Array(bytes)
    let operation = "send \(bytes.count) bytes"
    try require(for: operation)
    if isFinished { throw failure(.closed, operation) }
    var written = 0
    while written < bytes.count {
      if peer.wasReset { throw failure(.wasReset, operation) }
      try wait(operation) {
        let count = peer.write(written == 0 ? bytes : Array(bytes[written...]))
        written += count
        sent += count
        return count > 0 || peer.wasReset
      }
    }
  }

  /// Sends the UTF-8 of a text. See ``send(_:)-(Sequence<UInt8>)``.
  public func send(_ text: some StringProtocol) throws(TestNetworkError) { try send(Array(text.utf8)) }

  // MARK: Ending

  /// Ends this end's stream: the program sees the end behind what was sent. Receiving goes on.
  /// - Throws: ``TestNetworkError`` of kind `closed` after ``close()``, or where the network is not to be used.
  public func finish() throws(TestNetworkError) {
    try require(for: "finish")
    isFinished = true
    peer.finish()
  }

  /// Closes this end, as close(2) does: the program sees the end of the stream, or a reset when something has arrived that was
  /// not received, or arrives later. Harmless when repeated.
  /// - Throws: ``TestNetworkError`` where the network is not to be used.
  public func close() throws(TestNetworkError) {
    try network.require(for: "close")
    isClosed = true
    peer.close()
  }

  /// Resets the connection: what is on its way may be lost, and the program sees an error. Does nothing once it is
  /// closed.
  /// - Throws: ``TestNetworkError`` where the network is not to be used.
  public func reset() throws(TestNetworkError) {
    try network.require(for: "reset")
    isClosed = true
    peer.reset()
  }

  // MARK: Waiting

  func require(for operation: @autoclosure () -> String) throws(TestNetworkError) {
    try network.require(for: operation())
    if isClosed { throw failure(.closed, operation()) }
  }

  func wait(_ operation: @autoclosure () -> String, _ isDone: () -> Bool) throws(TestNetworkError) {
    try network.wait(operation(), network.patience, description, isDone)
  }

  func failure(_ kind: TestNetworkError.Kind, _ operation: String) -> TestNetworkError {
    TestNetworkError(kind, operation, "\(description); \(network.situation)")
  }
}

@available(*, unavailable, message: "it belongs to the thread that made its TestNetwork")
extension TestPeer: Sendable {}

extension TestPeer: CustomStringConvertible {
  /// How the connection stands, from this end.
  public var description: String {
    let state =
      isClosed
      ? "has closed its end"
      : peer.wasReset ? "was reset" : peer.hasEnded ? "has seen the end of the stream" : "is connected"
    let waiting = peer.bytesAvailable > 0 ? ", \(peer.bytesAvailable) more have arrived" : ""
    let text = buffer.isEmpty ? "" : ", of which nobody took \(TestPeer.describe(buffer))"
    return "the peer \(state), has sent \(sent) bytes and received \(received)\(text)\(waiting)"
  }

  private static func describe(_ bytes: [UInt8]) -> String {
    let start = bytes.prefix(64)
    return String(decoding: start, as: UTF8.self).debugDescription + (bytes.count > 64 ? " and more" : "")
  }
}
