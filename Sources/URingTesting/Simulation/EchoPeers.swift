/// The host that a proxy connects to: it sends back what it receives, and ends its stream when the other one has.
final class EchoPeers {
  private struct Talk {
    var peer: SimulatedPeer
    var unsent: [UInt8] = []
    var hasFinished = false
  }

  private let port: UInt16
  private var talks: [Talk] = []

  init(_ system: SimulatedSystem, port: UInt16) {
    self.port = port
    // Now and then nobody is there.
    guard system.network.choices.draw(.peerAction, below: 2) != 1 else { return }
    _ = system.listenAsPeer(at: port)
  }

  func play(_ system: SimulatedSystem) {
    while let peer = system.acceptAsPeer(at: port) { talks.append(Talk(peer: peer)) }
    for index in talks.indices { play(&talks[index]) }
    talks.removeAll { $0.hasFinished }
  }

  private func play(_ talk: inout Talk) {
    if talk.peer.wasReset {
      talk.peer.close()
      talk.hasFinished = true
      return
    }
    if talk.unsent.count < 32 << 10 { talk.unsent += talk.peer.read(16 << 10) }
    if !talk.unsent.isEmpty { talk.unsent.removeFirst(talk.peer.write(talk.unsent)) }
    if talk.peer.hasEnded, talk.unsent.isEmpty {
      talk.peer.close()
      talk.hasFinished = true
    }
  }
}
