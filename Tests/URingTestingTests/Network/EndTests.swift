import Glibc
import Testing
import URingBackend

@testable import URingTesting

/// How streams and connections end.
struct EndTests {
  @Test func aHalfCloseEndsOneStreamOnly() {
    var network = SimulatedNetwork.quiet()
    let (client, server) = network.connectedPair()
    _ = network.watch(server, generation: 1)
    _ = network.reports()
    _ = network.send(client, count: 3)
    #expect(network.shutdown(client, 1) == 0 && network.unacknowledgedBytes(client) == 4)
    #expect(network.send(client, count: 1) == Int(-EPIPE))
    network.settle()
    #expect(network.reports() == [server: [.input, .output, .inputEnds]] && network.reports().isEmpty)
    #expect(network.mask(server) == [.input, .output, .peerHungUp] && network.mask(client) == .output)
    #expect(network.receive(server) == .count(3) && network.receive(server) == .end && network.receive(server) == .end)
    #expect(network.send(server, count: 5) == 5)
    network.settle()
    #expect(network.receive(client) == .count(5) && network.receive(client) == .failure(EAGAIN))
  }

  @Test func afterBothEndsTheSocketHasNoPeer() {
    var network = SimulatedNetwork.quiet()
    let (client, server) = network.connectedPair()
    #expect(network.peerAddress(server) == network.localAddress(client) && network.peerAddress(server) != nil)
    _ = network.shutdown(client, 1)
    network.settle()
    _ = network.shutdown(server, 1)
    network.settle()
    for descriptor in [client, server] {
      #expect(network.mask(descriptor) == .over && network.peerAddress(descriptor) == nil)
      #expect(network.receive(descriptor) == .end && network.send(descriptor, count: 1) == Int(-EPIPE))
      #expect(network.shutdown(descriptor, 2) == -ENOTCONN && network.takeError(of: descriptor) == 0)
      #expect(network.localAddress(descriptor) != nil)
    }
  }

  @Test func aResetLeavesWhatHadArrivedAndThenItsError() {
    var network = SimulatedNetwork.quiet()
    let (client, server) = network.connectedPair()
    _ = network.watch(server, generation: 1)
    _ = network.reports()
    _ = network.send(client, count: 3)
    _ = network.resetOnClose(client)
    _ = network.close(client)
    network.settle()
    #expect(network.reports() == [server: [.input, .output, .inputEnds]])
    #expect(network.mask(server) == .reset && network.peek(server) == 1)
    #expect(network.receive(server) == .count(3) && network.receive(server) == .failure(ECONNRESET))
    #expect(network.mask(server) == .over && network.receive(server) == .end)
    #expect(network.send(server, count: 1) == Int(-EPIPE) && network.peerAddress(server) == nil)
  }

  @Test(arguments: ["recv", "send", "SO_ERROR", "peek"])
  func whoMeetsTheErrorFirstTakesIt(first: String) {
    var network = SimulatedNetwork.quiet()
    let (client, server) = network.connectedPair()
    _ = network.resetOnClose(client)
    _ = network.close(client)
    network.settle()
    switch first {
    case "recv": #expect(network.receive(server) == .failure(ECONNRESET))
    case "send": #expect(network.send(server, count: 1) == Int(-ECONNRESET))
    case "peek": #expect(network.peek(server) == -ECONNRESET)
    default: #expect(network.takeError(of: server) == ECONNRESET)
    }
    #expect(network.receive(server) == .end && network.send(server, count: 1) == Int(-EPIPE))
    #expect(network.takeError(of: server) == 0)
  }

  @Test func aResetBehindTheEndIsNeverToldByAReceive() {
    var network = SimulatedNetwork.quiet()
    let (client, server) = network.connectedPair()
    _ = network.shutdown(client, 1)
    network.settle()
    _ = network.resetOnClose(client)
    _ = network.close(client)
    network.settle()
    #expect(network.mask(server) == .reset && network.receive(server) == .end && network.peek(server) == 0)
    #expect(network.takeError(of: server) == EPIPE)
  }

  @Test func closingWithUnreadBytesResets() {
    var network = SimulatedNetwork.quiet()
    let (client, server) = network.connectedPair()
    _ = network.send(server, count: 3)
    network.settle()
    _ = network.send(client, count: 2)
    _ = network.close(client)
    network.settle()
    #expect(network.receive(server) == .count(2) && network.receive(server) == .failure(ECONNRESET))
  }

  @Test func sendingToWhoHasClosedBringsAReset() {
    var network = SimulatedNetwork.quiet()
    let (client, server) = network.connectedPair()
    _ = network.close(client)
    network.settle()
    #expect(network.mask(server) == [.input, .output, .peerHungUp])
    #expect(network.send(server, count: 1) == 1)
    network.settle()
    #expect(network.mask(server) == .reset && network.send(server, count: 1) == Int(-EPIPE))
    #expect(network.receive(server) == .end)
  }

  @Test func afterBothDirectionsWereShutBytesAreAnsweredWithAReset() {
    var network = SimulatedNetwork.quiet()
    let (client, server) = network.connectedPair()
    _ = network.shutdown(server, 2)
    network.settle()
    #expect(network.receive(server) == .end && network.send(client, count: 1) == 1)
    network.settle()
    #expect(network.mask(client) == .reset && network.send(client, count: 1) == Int(-EPIPE))
    #expect(network.receive(server) == .failure(ECONNRESET))
  }

  @Test func aShutInputStillTakesBytes() {
    var network = SimulatedNetwork.quiet()
    let (client, server) = network.connectedPair()
    _ = network.send(client, count: 3)
    network.settle()
    _ = network.shutdown(server, 0)
    #expect(network.receive(server) == .count(3) && network.receive(server) == .end)
    _ = network.send(client, count: 1)
    network.settle()
    #expect(network.receive(server) == .count(1) && network.receive(server) == .end)
  }

  @Test func aResetCanOvertakeBytes() {
    var network = SimulatedNetwork(choices: Choices(seed: 2, only: [.bytesLostAtReset: 1]))
    let (client, server) = network.connectedPair()
    _ = network.send(client, count: 100)
    _ = network.resetOnClose(client)
    // Sent at once, so that both are under way together.
    _ = network.close(client)
    network.run(until: network.clock)
    network.settle()
    guard case .bytes(let bytes) = network.receive(server) else { return }
    #expect(bytes.count <= 100)
    #expect(network.receive(server) == .failure(ECONNRESET))
  }

  @Test func nothingIsLeftWhenAllDescriptorsAreClosed() {
    var network = SimulatedNetwork.quiet()
    for _ in 0..<50 {
      let (client, server) = network.connectedPair()
      _ = network.send(client, count: 10)
      _ = network.close(client)
      network.settle()
      _ = network.close(server)
      network.settle()
    }
    #expect(network.openDescriptors == 0 && network.openConnections == 0 && network.sides.count == 2)
  }

  @Test func thePathCanResetAConnectionForBoth() {
    var network = SimulatedNetwork.quiet()
    let (client, server) = network.connectedPair()
    network.choices = Choices(seed: 1, only: [.pathResets: 1])
    _ = network.send(client, count: 5)
    network.settle()
    #expect(network.receive(client) == .failure(ECONNRESET))
    #expect([.count(5), .failure(ECONNRESET)].contains(network.receive(server)))
  }
}
