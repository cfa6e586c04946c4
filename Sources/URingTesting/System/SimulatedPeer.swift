internal import URingBackend

/// A client, or a server, that is on no ring: the other end of a connection of the program under test.
///
/// It sees the network as every host does: what it writes takes its time, and there is room for so much only.
package struct SimulatedPeer {
  package let system: SimulatedSystem
  let id: SimulatedNetwork.PeerID

  /// Its own port; 0 once its end is closed.
  var localPort: UInt16 { system.network.sides[id.side].local?.port ?? 0 }

  /// The other end's FIN is here, perhaps behind bytes that were not read.
  var endHasArrived: Bool { system.network.sides[id.side].flags.contains(.inputEnded) }

  /// The program on the other end has closed it. What it had sent may still be on its way.
  var otherIsClosed: Bool { system.network.sides[id.side ^ 1].flags.contains(.abandoned) }

  private var state: SimulatedNetwork.PeerState { system.network.state(of: id) }

  package var isConnecting: Bool { state == .connecting }
  /// Connected, and the other end has not ended its stream.
  package var isConnected: Bool { state == .connected }
  /// The other end has ended its stream, and all of it is read.
  package var hasEnded: Bool { state == .ended }
  /// The other end has reset the connection, or it never came about.
  package var wasReset: Bool { state == .failed }
  /// Bytes that could be read.
  package var bytesAvailable: Int { system.network.bytesAvailable(id) }

  /// Sends what there is room for, and says how much that was.
  package func write(_ bytes: [UInt8]) -> Int {
    let count = unsafe bytes.withUnsafeBytes { unsafe system.network.write(id, $0) }
    note("writes", count)
    return count
  }

  /// Takes what has arrived, and so much at most.
  package func read(_ limit: Int) -> [UInt8] {
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { target, count in
      // The network writes `count` bytes into the array's memory, and says how many.
      count = unsafe system.network.read(id, into: UnsafeMutableRawBufferPointer(target))
    }
    if !bytes.isEmpty { note("reads", bytes.count) }
    return bytes
  }

  /// Sends a FIN behind what was written.
  package func finish() {
    system.network.finish(id)
    note("finishes", 0)
  }

  /// Closes its end: a FIN, or a reset when it has not read everything.
  package func close() {
    system.network.close(id)
    note("closes", 0)
  }

  /// Resets the connection.
  package func reset() {
    system.network.reset(id)
    note("resets", 0)
  }

  private func note(_ action: StaticString, _ count: Int) {
    guard system.network.trace.isOn else { return }
    system.network.trace.add(system.network.clock, "peer \(id.side) \(action) \(count)")
  }
}
