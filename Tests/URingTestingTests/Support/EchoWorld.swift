import URingBackend

@testable import URingTesting

/// An echo program, its peers, and a judge: a whole simulated run.
final class EchoWorld {
  private struct Talk {
    var peer: SimulatedPeer
    var sent: [UInt8] = []
    var received: [UInt8] = []
    var left: Int
    var isFinished = false
    var isOver = false
  }

  let system: SimulatedSystem
  private let program: EchoProgram
  private var talks: [Talk] = []
  private(set) var failures: [String] = []
  private(set) var echoed = 0
  private(set) var resets = 0
  var turnLimit = 20_000

  init(_ choices: Choices, mistake: EchoProgram.Mistake? = nil, traceLimit: Int = 0, peers: Int = 4, bytes: Int = 3000)
  {
    var limits = NetworkLimits()
    limits.sendCapacity = 2000
    limits.receiveCapacity = 1500
    system = SimulatedSystem(choices: choices, limits: limits)
    system.network.trace = Trace(limit: traceLimit)
    program = EchoProgram(system, port: 80, mistake: mistake)
    for index in 0..<peers { talks.append(Talk(peer: system.connectPeer(to: 80), left: bytes + index)) }
    unowned let world = self
    system.playPeers = { _ in world.play() }
  }

  /// Plays the world to its end; what was wrong stands in `failures`.
  func run() -> [String] {
    while talks.contains(where: { !$0.isOver }), program.turns < turnLimit, system.stalledWaits == 0 { program.turn() }
    for _ in 0..<50 where system.stalledWaits == 0 { program.turn() }
    if talks.contains(where: { !$0.isOver }) { failures.append("a talk is not over after \(program.turns) turns") }
    _ = system.close(program.listener) as Int32
    if system.openDescriptors > 0 { failures.append("\(system.openDescriptors) descriptors are open") }
    system.network.run(until: system.network.clock + 10_000_000_000)
    if failures.isEmpty, system.network.openConnections > 0 { failures.append("connections are left") }
    return failures + system.violations
  }

  private func play() {
    for index in talks.indices where !talks[index].isOver { play(&talks[index]) }
  }

  private func play(_ talk: inout Talk) {
    guard !talk.peer.isConnecting else { return }
    let count = min(talk.left, 700)
    if count > 0 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: (talk.sent.count + $0) &* 7) }
      let accepted = talk.peer.write(bytes)
      talk.sent += bytes[..<accepted]
      talk.left -= accepted
    }
    let amount = Int(system.network.choices.draw(.peerAmount, below: 2000))
    talk.received += talk.peer.read(amount > 0 ? amount : 4000)
    if talk.peer.bytesAvailable > 0 { system.callPeers(after: 1000) }
    if talk.left == 0, !talk.isFinished {
      talk.isFinished = true
      talk.peer.finish()
    }
    guard talk.received.elementsEqual(talk.sent.prefix(talk.received.count)) else {
      failures.append("other bytes came back")
      return end(&talk)
    }
    if talk.peer.hasEnded {
      if talk.received.count < talk.sent.count {
        failures.append("\(talk.received.count) of \(talk.sent.count) came back")
      }
      echoed += talk.received.count
      end(&talk)
    } else if talk.peer.wasReset, talk.peer.bytesAvailable == 0 {
      resets += 1
      end(&talk)
    }
  }

  private func end(_ talk: inout Talk) {
    talk.isOver = true
    talk.peer.close()
  }
}
