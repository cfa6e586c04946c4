/// The other end of a connection, which uses no ring. Closed with its last reference.
protocol Peer: AnyObject {
  /// Writes all of it; never so much that it has to wait for the other side.
  func write(_ bytes: [UInt8]) throws
  /// What is there now. Nil for the end: nothing more comes.
  func read() throws -> (bytes: [UInt8], end: PeerEnd?)
  /// Ends the stream towards the ring: a FIN.
  func finish() throws
  /// Ends the connection with a RST.
  func reset() throws
}
