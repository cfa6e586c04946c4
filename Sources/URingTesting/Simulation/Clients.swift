/// The clients of one run.
final class Clients {
  private var clients: [SimulatedClient] = []

  init(_ workload: Workload, _ system: SimulatedSystem, port: UInt16) {
    for stream in 0..<workload.clients {
      clients.append(
        SimulatedClient(system, port: port, stream: stream, styles: workload.styles, most: workload.bytes)
      )
    }
  }

  func play(_ system: SimulatedSystem) {
    for index in clients.indices { clients[index].play(system) }
  }

  var areDone: Bool { clients.allSatisfy(\.isDone) }
  var hasFailed: Bool { clients.contains { !$0.failures.isEmpty } }
  var failures: [String] { clients.flatMap(\.failures) }
  var served: Int { clients.count(where: \.isServed) }
  var allAreHonest: Bool { clients.allSatisfy(\.isHonest) }
  var unfinished: String {
    let left = clients.filter { !$0.isDone }
    return "\(left.count) clients are not done (\(left.prefix(4).map(\.description).joined(separator: "; ")))"
  }

  /// Honest clients that were connected and did not get all of their bytes and an orderly end.
  var wronged: [String] {
    clients.filter { $0.isHonest && $0.wasConnected && !$0.isServed }.map {
      "an honest client was not served: \($0.description)"
    }
  }
}
