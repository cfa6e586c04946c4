/// A client of an echo server on the simulated network: what it does is drawn, and what it sees is checked.
package struct SimulatedClient {
  /// How it behaves. The first one is what is quiet.
  package enum Style: UInt32, CaseIterable, Sendable {
    /// Writes, reads what comes, ends its stream, reads to the end.
    case polite
    /// Reads nothing before all is written, and its stream ended.
    case writesFirst
    /// Single bytes, with pauses.
    case trickles
    /// Reads a byte at a time.
    case sips
    /// Connects, says nothing, and ends its stream after a while.
    case silent
    /// Never reads; closes after a while.
    case neverReads
    /// Resets the connection somewhere.
    case resets
    /// Closes without having read all.
    case leaves
  }

  /// What a client still does.
  private enum Phase {
    case waiting
    case writing
    case ending
    case done
  }

  let style: Style
  private let peer: SimulatedPeer
  private let pattern: Pattern
  /// Bytes that it means to write.
  private let total: Int
  private var written = 0
  private var read = 0
  private var phase = Phase.waiting
  private var patience = 0
  /// Where it breaks off, for the styles that do.
  private let breaksAt: Int
  private(set) var failures: [String] = []
  /// Whether the other end, or the path, reset the connection.
  private(set) var wasReset = false
  /// The connection came about. To one that never does nobody owes anything.
  private(set) var wasConnected = false
  /// It saw the end of the server's stream.
  private(set) var sawEnd = false

  var isDone: Bool { phase == .done }
  /// Got back all that it wrote, and then the end.
  var isServed: Bool { sawEnd && read == written && written == total }
  /// It does what an honest client does, so it is owed the whole of its bytes and an orderly end.
  var isHonest: Bool {
    switch style {
    case .polite, .writesFirst, .trickles, .sips, .silent: true
    case .neverReads, .resets, .leaves: false
    }
  }

  init(_ system: SimulatedSystem, port: UInt16, stream: Int, styles: [Style], most: Int) {
    let choice = system.network.choices.draw(.peerAction, below: UInt32(styles.count))
    style = styles[Int(choice)]
    let drawn = Int(system.network.choices.draw(.peerAmount, below: UInt32(most)))
    let amount = drawn == 0 ? min(most, 1000) : drawn
    // Who reads nothing before all is written must not write more than a server without a limit would need to hold.
    let most = style == .writesFirst ? 100_000 : Int.max
    total =
      style == .silent
      ? 0 : style == .trickles ? min(amount, 40) : style == .sips ? min(amount, 3000) : min(amount, most)
    breaksAt = Int(system.network.choices.draw(.peerAmount, below: UInt32(total + 1)))
    pattern = Pattern(stream: stream)
    peer = system.connectPeer(to: port)
  }

  var description: String {
    "\(style) client \(pattern.stream): wrote \(written) of \(total), read \(read), \(phase)\(wasReset ? ", reset" : "")"
  }

  /// Does what it can do now.
  mutating func play(_ system: SimulatedSystem) {
    guard phase != .done else { return }
    if peer.isConnected || peer.hasEnded { wasConnected = true }
    if peer.wasReset {
      wasReset = true
      return close()
    }
    guard !peer.isConnecting else { return }
    if phase == .waiting { phase = .writing }
    if style == .resets, written >= breaksAt {
      peer.reset()
      phase = .done
      return
    }
    if phase == .writing { write(system) }
    readWhatCame(system)
    if phase == .done { return }
    if style == .leaves, written == total, read >= breaksAt { return close() }
    if style == .neverReads, phase == .ending { return waitAndClose(system) }
    if peer.hasEnded {
      sawEnd = true
      close()
    }
  }

  private mutating func write(_ system: SimulatedSystem) {
    if style == .silent || style == .trickles, patience < 3 + written {
      // Time passes between two bytes.
      guard patience <= written else {
        patience += 1
        return system.callPeers(after: pause(system))
      }
      patience += 1
      if style == .silent { return system.callPeers(after: pause(system)) }
    }
    while written < total {
      var count = min(total - written, 16 << 10)
      let drawn = Int(system.network.choices.draw(.peerAmount, below: UInt32(count)))
      if drawn > 0 { count = drawn }
      if style == .trickles { count = 1 }
      let taken = peer.write(pattern.bytes(from: written, count: count))
      written += taken
      if style == .trickles { return system.callPeers(after: pause(system)) }
      if taken < count { return }
      if style == .resets, written >= breaksAt { return }
    }
    if style == .neverReads || style == .leaves {
      phase = .ending
    } else if written == total {
      peer.finish()
      phase = .ending
    }
  }

  private mutating func readWhatCame(_ system: SimulatedSystem) {
    if style == .neverReads || (style == .writesFirst && phase == .writing) { return }
    while peer.bytesAvailable > 0 {
      let bytes = peer.read(style == .sips ? 1 : 16 << 10)
      if bytes.isEmpty { return }
      for (index, byte) in bytes.enumerated() where byte != pattern.byte(at: read + index) {
        failures.append("client \(pattern.stream): byte \(read + index) of the echo is wrong")
        return close()
      }
      read += bytes.count
      if read > written {
        failures.append("client \(pattern.stream): the echo has more bytes than were written")
        return close()
      }
      if style == .sips { return system.callPeers(after: 1000) }
    }
  }

  private mutating func waitAndClose(_ system: SimulatedSystem) {
    patience += 1
    if patience > 20 { return close() }
    system.callPeers(after: 10_000_000)
  }

  private func pause(_ system: SimulatedSystem) -> UInt64 {
    1000 + UInt64(system.network.choices.draw(.peerPause, below: 1000)) * 10_000
  }

  private mutating func close() {
    peer.close()
    phase = .done
  }
}
