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
    /// Writes all and reads what comes, but never ends its stream, whatever the server does.
    case clings
    /// Reads a little at a time, with pauses, and all of it in the end.
    case crawls
    /// The same, but stops in the middle, and stays.
    case stalls
    /// As the one before, and its stream does not end either.
    case freezes
    /// Writes all without reading anything, and resets the connection at once.
    case slams
    /// Writes nothing, and reads to the end.
    case listens
    /// Asks, waits for the answer, and thinks about it for a while before it asks again.
    case converses
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
  private let service: Service
  /// What comes back behind the greeting.
  private let echo: Pattern
  /// Bytes that it means to write.
  private let total: Int
  private var written = 0
  private var read = 0
  private var phase = Phase.waiting
  private var patience = 0
  /// For those that read slowly.
  private var nextRead: UInt64 = 0
  /// When it asks again; nil while it waits for an answer.
  private var nextQuestion: UInt64?
  /// When it stopped reading.
  private var standsSince: UInt64?
  /// It had stopped reading, and reads again.
  private var resumes = false
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
  var isServed: Bool { sawEnd && read == expected && written == total }
  /// Bytes that it has to get.
  private var expected: Int { service.greetingBytes + (service == .drain ? 0 : written) }
  /// Its port, by which the server's accounts name it.
  let port: UInt16
  /// Bytes that it has read, written and been given back: grows as long as somebody moves.
  var progress: Int { read + written + (isDone ? 1 : 0) }
  /// An orderly end, and what was read by then.
  var readToEnd: Int? { sawEnd && !wasReset ? read : nil }
  var hasWritten: Int { written }
  /// It said all that it had to say, and ended in order.
  var isServedAsPublisher: Bool { sawEnd && !wasReset && written == total }
  /// It does what an honest client does, so it is owed the whole of its bytes and an orderly end.
  var isHonest: Bool {
    switch style {
    case .polite, .writesFirst, .trickles, .sips, .silent, .crawls, .converses: true
    case .neverReads, .resets, .leaves, .clings, .stalls, .freezes, .slams, .listens: false
    }
  }

  init(_ system: SimulatedSystem, port: UInt16, stream: Int, _ workload: Workload) {
    let styles = workload.styles
    let choice = system.network.choices.draw(.peerAction, below: UInt32(styles.count))
    // Of a fan-out the first one speaks, and the others listen.
    style = workload.service != .fanOut ? styles[Int(choice)] : stream == 0 ? .polite : .listens
    service = workload.service
    echo = Pattern(stream: workload.service == .fanOut ? 0 : stream)
    let most = workload.bytes
    let drawn = Int(system.network.choices.draw(.peerAmount, below: UInt32(most)))
    let amount = drawn == 0 ? min(most, workload.usualBytes) : drawn
    total =
      switch style {
      case .silent, .listens: 0
      case .trickles: min(amount, 40)
      case .converses: min(amount, 60)
      case .sips: min(amount, 3000)
      // Who reads nothing before all is written must not write more than a server without a limit would need to hold.
      case .writesFirst: min(amount, 100_000)
      default: amount
      }
    breaksAt = Int(system.network.choices.draw(.peerAmount, below: UInt32(total + 1)))
    pattern = Pattern(stream: stream)
    peer = system.connectPeer(to: port)
    self.port = peer.localPort
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
    if phase == .waiting { phase = style == .listens ? .ending : .writing }
    if style == .resets, written >= breaksAt { return reset() }
    if phase == .writing { write(system) }
    if style == .slams, written == total { return reset() }
    readWhatCame(system)
    if phase == .done { return }
    if style == .leaves, written == total, read >= breaksAt { return close() }
    if style == .neverReads, phase == .ending { return waitAndClose(system) }
    if stopsReading, phase == .ending, !resumes { return stay(system) }
    guard peer.hasEnded else { return }
    sawEnd = true
    if style == .clings || style == .freezes {
      phase = .done
    } else if service != .drain || phase == .ending {
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
    if style == .converses, !mayAsk(system) { return }
    while written < total {
      var count = min(total - written, style == .converses ? 10 : 16 << 10)
      let drawn = Int(system.network.choices.draw(.peerAmount, below: UInt32(count)))
      if drawn > 0 { count = drawn }
      if style == .trickles { count = 1 }
      let taken = peer.write(pattern.bytes(from: written, count: count))
      written += taken
      if style == .trickles { return system.callPeers(after: pause(system)) }
      if taken < count || (style == .converses && written < total) { return }
      if style == .resets, written >= breaksAt { return }
    }
    if style == .neverReads || style == .leaves {
      phase = .ending
    } else if written == total {
      if style != .clings, style != .freezes { peer.finish() }
      phase = .ending
    }
  }

  /// Whether it has its answer, and has thought about it.
  private mutating func mayAsk(_ system: SimulatedSystem) -> Bool {
    guard read == expected else { return false }
    let time = nextQuestion ?? system.network.clock + 100_000_000 + pause(system) / 10
    guard time <= system.network.clock else {
      if nextQuestion == nil { system.callPeers(after: time - system.network.clock) }
      nextQuestion = time
      return false
    }
    nextQuestion = nil
    return true
  }

  private mutating func readWhatCame(_ system: SimulatedSystem) {
    if style == .neverReads || style == .slams || (style == .writesFirst && phase == .writing) { return }
    if stopsReading, read >= breaksAt, !resumes { return }
    if isSlow, system.network.clock < nextRead { return }
    while peer.bytesAvailable > 0 {
      let bytes = peer.read(style == .sips ? 1 : isSlow ? 700 : 16 << 10)
      if bytes.isEmpty { return }
      for (index, byte) in bytes.enumerated() where byte != self.byte(at: read + index) {
        failures.append("client \(pattern.stream): byte \(read + index) of what came back is wrong")
        return close()
      }
      read += bytes.count
      if isSlow {
        nextRead = system.network.clock + 15_000_000
        return system.callPeers(after: 15_000_000)
      }
      if style != .listens, read > expected {
        failures.append("client \(pattern.stream): the echo has more bytes than were written")
        return close()
      }
      if style == .sips || style == .converses { return system.callPeers(after: 1000) }
    }
  }

  private func byte(at offset: Int) -> UInt8 {
    let greeting = service.greetingBytes
    return offset < greeting ? Service.words.byte(at: offset) : echo.byte(at: offset - greeting)
  }

  /// Whoever it listens to never spoke, or is gone.
  mutating func giveUp() { close() }

  /// Stays for as long as the server does. The end may stand behind bytes that it will never read, or behind those that
  /// there is no room for.
  private mutating func stay(_ system: SimulatedSystem) {
    if peer.endHasArrived || peer.otherIsClosed {
      // Now it reads on: is what it gets whole?
      resumes = true
      return system.callPeers(after: 1000)
    }
    guard read >= breaksAt else { return }
    let since = max(standsSince ?? system.network.clock, system.wokeAt)
    standsSince = since
    if system.network.clock - since > 10_000_000_000 {
      failures.append("the server keeps a connection that has stood still for 10 s: \(description)")
      return close()
    }
    system.callPeers(after: 50_000_000)
  }

  private mutating func waitAndClose(_ system: SimulatedSystem) {
    patience += 1
    if patience > 20 { return close() }
    system.callPeers(after: 10_000_000)
  }

  private func pause(_ system: SimulatedSystem) -> UInt64 {
    1000 + UInt64(system.network.choices.draw(.peerPause, below: 1000)) * 10_000
  }

  private var stopsReading: Bool { style == .stalls || style == .freezes }
  private var isSlow: Bool { stopsReading || style == .crawls }

  private mutating func reset() {
    peer.reset()
    phase = .done
  }

  private mutating func close() {
    peer.close()
    phase = .done
  }
}
