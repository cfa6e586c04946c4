/// The clients of one run.
final class Clients {
  private var clients: [SimulatedClient] = []
  private let seen: Observations
  private let service: Service

  init(_ workload: Workload, _ system: SimulatedSystem, port: UInt16, _ seen: Observations) {
    self.seen = seen
    service = workload.service
    for stream in 0..<workload.clients {
      clients.append(SimulatedClient(system, port: port, stream: stream, workload))
    }
  }

  func play(_ system: SimulatedSystem) {
    let first = service == .fanOut ? 1 : 0
    for index in clients.indices.dropFirst(first) { clients[index].play(system) }
    if service == .fanOut { playPublisher(system) }
  }

  /// The publisher waits until everybody listens, so that everybody gets all of it.
  private func playPublisher(_ system: SimulatedSystem) {
    let others = clients.dropFirst()
    if others.allSatisfy({ $0.isDone || seen.hasOpened($0.port) }) {
      clients[0].play(system)
    } else {
      system.callPeers(after: 1_000_000)
    }
    // Nobody ends a listener whose publisher has said nothing.
    guard clients[0].isDone, clients[0].hasWritten == 0 || !clients[0].isServedAsPublisher else { return }
    for index in clients.indices.dropFirst() where !clients[index].isDone { clients[index].giveUp() }
  }

  var areDone: Bool { clients.allSatisfy(\.isDone) }
  var hasFailed: Bool { clients.contains { !$0.failures.isEmpty } }
  var failures: [String] { clients.flatMap(\.failures) }
  var served: Int { clients.count(where: \.isServed) }
  var allAreHonest: Bool { clients.allSatisfy(\.isHonest) }
  var progress: Int { clients.reduce(0) { $0 + $1.progress } }
  var unfinished: String {
    let left = clients.filter { !$0.isDone }
    return "\(left.count) clients are not done (\(left.prefix(4).map(\.description).joined(separator: "; ")))"
  }

  /// Honest clients that were connected and did not get all of their bytes and an orderly end.
  var wronged: [String] {
    if service == .fanOut { return wrongedListeners }
    return clients.filter { $0.isHonest && $0.wasConnected && !$0.isServed }.map {
      "an honest client was not served: \($0.description)"
    }
  }

  private var wrongedListeners: [String] {
    guard clients[0].isServedAsPublisher else { return [] }
    return clients.dropFirst().filter { $0.wasConnected && $0.readToEnd != clients[0].hasWritten }.map {
      "a listener did not get all of \(clients[0].hasWritten) bytes and the end: \($0.description)"
    }
  }

  /// Clients that saw an orderly end before all that the server had taken for sending to them.
  var cutShort: [String] {
    clients.compactMap { client in
      guard let read = client.readToEnd, read < seen.queued(to: client.port) else { return nil }
      return
        "an orderly end after \(read) of \(seen.queued(to: client.port)) bytes that were taken for sending: \(client.description)"
    }
  }
}
