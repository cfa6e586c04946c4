import Glibc
import Testing
import URingBackend

@testable import URingTesting

/// Connecting, listening and accepting.
struct ConnectTests {
  @Test func aConnectIsReportedWhenItHasSucceeded() {
    var network = SimulatedNetwork.quiet()
    let listener = network.listen(at: .loopback(port: 80), backlog: 8)
    #expect(network.listen(at: .loopback(port: 80), backlog: 8) == -EADDRINUSE)
    _ = network.watch(listener, generation: 1)
    #expect(network.reports().isEmpty && network.mask(listener) == [])
    let client = network.open()
    #expect(network.mask(client) == [.output, .hungUp] && network.receive(client) == .failure(ENOTCONN))
    #expect(network.send(client, count: 1) == Int(-EPIPE) && network.peerAddress(client) == nil)
    #expect(network.connect(client, to: .loopback(port: 80)) == -EINPROGRESS)
    _ = network.watch(client, generation: 2)
    #expect(network.reports().isEmpty && network.mask(client) == [])
    #expect(network.connectResult(client) == -EINPROGRESS && network.receive(client) == .failure(EAGAIN))
    #expect(network.connect(client, to: .loopback(port: 80)) == -EALREADY)
    network.settle()
    #expect(network.reports() == [listener: .input, client: .output])
    #expect(network.connectResult(client) == 0 && network.connect(client, to: .loopback(port: 80)) == -EISCONN)
    let server = network.accept(listener)
    #expect(network.accept(listener) == -EAGAIN && network.mask(server) == .output)
    #expect(network.peerAddress(server) == network.localAddress(client))
    #expect(network.peerAddress(client) == network.localAddress(server))
    #expect(network.acknowledgedBytes(client) == 1 && network.acknowledgedBytes(server) == 0)
    _ = network.send(client, count: 3)
    network.settle()
    #expect(network.acknowledgedBytes(client) == 4)
  }

  @Test func aConnectIsRefusedWhereNobodyListens() {
    var network = SimulatedNetwork.quiet()
    let client = network.open()
    #expect(network.connect(client, to: .loopback(port: 81)) == -EINPROGRESS)
    _ = network.watch(client, generation: 2)
    network.settle()
    #expect(network.reports() == [client: [.input, .output, .inputEnds]] && network.mask(client) == .reset)
    #expect(network.connectResult(client) == -ECONNREFUSED && network.mask(client) == .over)
    #expect(network.receive(client) == .end && network.send(client, count: 1) == Int(-EPIPE))
    #expect(network.close(client) == 0 && network.openConnections == 0)
  }

  @Test func aFullBacklogDropsAConnectThatIsTriedAgain() {
    var network = SimulatedNetwork.quiet()
    let listener = network.listen(at: .loopback(port: 80), backlog: 2)
    let clients = (0..<4).map { _ in network.open() }
    for client in clients { _ = network.connect(client, to: .loopback(port: 80)) }
    network.run(until: 500_000_000)
    #expect(clients.map { network.connectResult($0) } == [0, 0, 0, -EINPROGRESS])
    #expect(network.accept(listener) > 0)
    network.settle()
    #expect(network.connectResult(clients[3]) == 0 && network.clock > 1_000_000_000)
  }

  @Test func aConnectThatNobodyAnswersTimesOut() {
    var network = SimulatedNetwork(choices: Choices(seed: 1, only: [.connectLost: 1]))
    _ = network.listen(at: .loopback(port: 80), backlog: 2)
    let client = network.open()
    _ = network.connect(client, to: .loopback(port: 80))
    network.settle()
    #expect(network.connectResult(client) == -ETIMEDOUT && network.clock > 60_000_000_000)
  }

  @Test func aConnectionCanBeResetBeforeItsConnectWasAskedFor() {
    var network = SimulatedNetwork(choices: Choices(seed: 1, only: [.pathResets: 1]))
    let (client, server) = network.connectedPair()
    #expect(network.mask(client) == .reset && network.connectResult(client) == -ECONNRESET)
    #expect(network.receive(server) == .failure(ECONNRESET))
  }

  @Test func anUnreachableHostSaysSo() {
    var network = SimulatedNetwork(choices: Choices(seed: 1, only: [.connectUnreachable: 1]))
    let client = network.open()
    _ = network.connect(client, to: .loopback(port: 80))
    network.settle()
    #expect(network.connectResult(client) == -EHOSTUNREACH)
  }

  @Test(arguments: [false, true])
  func whoWaitsIsResetWhenTheListenerStops(closing: Bool) {
    var network = SimulatedNetwork.quiet()
    let listener = network.listen(at: .loopback(port: 80), backlog: 2)
    let client = network.open()
    _ = network.connect(client, to: .loopback(port: 80))
    network.settle()
    _ = network.watch(listener, generation: 1)
    _ = network.reports()
    #expect(network.shutdown(listener, 1) == 0 && network.mask(listener) == .input)
    if closing {
      _ = network.close(listener)
    } else {
      #expect(network.shutdown(listener, 0) == 0)
      #expect(!network.reports().isEmpty && network.mask(listener) == [.output, .hungUp])
      #expect(network.accept(listener) == -EINVAL)
    }
    network.settle()
    #expect(network.receive(client) == .failure(ECONNRESET))
    let late = network.open()
    _ = network.connect(late, to: .loopback(port: 80))
    network.settle()
    #expect(network.connectResult(late) == -ECONNREFUSED)
  }

  @Test func aConnectionThatWasResetInTheBacklogIsAccepted() {
    var network = SimulatedNetwork.quiet()
    let listener = network.listen(at: .loopback(port: 80), backlog: 2)
    let client = network.open()
    _ = network.connect(client, to: .loopback(port: 80))
    network.settle()
    _ = network.resetOnClose(client)
    _ = network.close(client)
    network.settle()
    let server = network.accept(listener)
    #expect(network.mask(server) == .reset && network.receive(server) == .failure(ECONNRESET))
  }

  @Test func atTheLimitNothingIsAcceptedAndNothingIsLost() {
    var network = SimulatedNetwork.quiet(descriptors: 2)
    let listener = network.listen(at: .loopback(port: 80), backlog: 2)
    let client = network.open()
    #expect(network.open() == -EMFILE && network.accept(listener) == -EMFILE)
    _ = network.connect(client, to: .loopback(port: 80))
    network.settle()
    #expect(network.accept(listener) == -EMFILE && network.mask(listener) == .input)
    _ = network.close(client)
    network.settle()
    let server = network.accept(listener)
    #expect(server == client && network.receive(server) == .end)
  }

  @Test func acceptsFailInEachOfTheirWays() {
    var seen = Set<Int32>()
    for seed in 0..<50 {
      var network = SimulatedNetwork(choices: Choices(seed: UInt64(seed), only: [.acceptFails: 1]))
      let listener = network.listen(at: .loopback(port: 80), backlog: 2)
      let client = network.open()
      _ = network.connect(client, to: .loopback(port: 80))
      network.settle()
      let result = network.accept(listener)
      seen.insert(result)
      network.settle()
      // An aborted connection is gone; the others wait.
      #expect(network.mask(listener) == (result == -ECONNABORTED ? [] : .input))
      #expect(network.receive(client) == .failure(result == -ECONNABORTED ? ECONNRESET : EAGAIN))
    }
    #expect(seen == [-ECONNABORTED, -EMFILE, -ENFILE, -ENOMEM])
  }

  @Test func aConnectCanBeGivenUpAtAnyTime() {
    for pause in stride(from: UInt64(0), through: 12_000, by: 1000) {
      var network = SimulatedNetwork.quiet()
      let listener = network.listen(at: .loopback(port: 80), backlog: 2)
      let client = network.open()
      _ = network.connect(client, to: .loopback(port: 80))
      network.run(until: network.clock + pause)
      _ = network.close(client)
      network.settle()
      let server = network.accept(listener)
      if server >= 0 {
        #expect([.end, .failure(ECONNRESET)].contains(network.receive(server)))
        _ = network.close(server)
      } else {
        #expect(server == -EAGAIN && pause < 5000)
      }
      network.settle()
      #expect(network.openConnections == 0)
    }
  }
}
