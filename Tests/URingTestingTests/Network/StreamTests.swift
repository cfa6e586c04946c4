import Glibc
import Testing
import URingBackend

@testable import URingTesting

/// Bytes between two descriptors.
struct StreamTests {
  @Test func bytesArriveAfterTheLatency() {
    var network = SimulatedNetwork.quiet()
    let (client, server) = network.connectedPair()
    #expect(network.send(client, [1, 2, 3]) == 3)
    #expect(network.receive(server) == .failure(EAGAIN) && network.unacknowledgedBytes(client) == 3)
    let sent = network.clock
    network.settle()
    #expect(network.clock == sent + network.limits.latency && network.bytesAvailable(server) == 3)
    #expect(network.unacknowledgedBytes(client) == 0)
    #expect(network.receive(server, 2) == .bytes([1, 2]) && network.receive(server) == .bytes([3]))
    #expect(network.receive(server) == .failure(EAGAIN))
  }

  @Test func aPartialSendReportsSpaceOnce() {
    var network = SimulatedNetwork.quiet(sendCapacity: 300, receiveCapacity: 300)
    let (client, server) = network.connectedPair()
    #expect(network.watch(client, generation: 1) == 0)
    #expect(network.reports() == [client: .output])
    #expect(network.send(client, count: 1000) == 300)
    #expect(network.send(client, count: 1) == Int(-EAGAIN))
    network.settle()
    // All of it has arrived, so the send buffer is free again.
    #expect(network.reports() == [client: .output] && network.reports().isEmpty)
    #expect(network.send(client, count: 1000) == 300)
    network.settle()
    #expect(network.reports().isEmpty && network.mask(client) == [])
    #expect(network.receive(server, 99) == .count(99))
    network.settle()
    #expect(network.reports().isEmpty)
    // A third of the buffer must be free.
    #expect(network.receive(server, 1) == .count(1))
    network.settle()
    #expect(network.reports() == [client: .output])
    #expect(network.receive(server) == .count(300))
    network.settle()
    #expect(network.reports().isEmpty)
  }

  @Test func spaceIsNotReportedToWhoNeverMissedIt() {
    var network = SimulatedNetwork.quiet(sendCapacity: 300)
    let (client, _) = network.connectedPair()
    _ = network.watch(client, generation: 1)
    _ = network.reports()
    #expect(network.send(client, count: 300) == 300)
    network.settle()
    #expect(network.reports().isEmpty)
  }

  @Test func aFullReceiverHoldsTheRestBack() {
    var network = SimulatedNetwork.quiet(sendCapacity: 1000, receiveCapacity: 100)
    let (client, server) = network.connectedPair()
    #expect(network.send(client, count: 250) == 250)
    network.settle()
    #expect(network.bytesAvailable(server) == 100 && network.unacknowledgedBytes(client) == 150)
    #expect(network.receive(server) == .count(100))
    network.settle()
    #expect(network.receive(server) == .count(100))
    network.settle()
    #expect(network.receive(server) == .count(50) && network.unacknowledgedBytes(client) == 0)
  }

  @Test func inputIsReportedOncePerArrivalAndNotForWhatIsLeft() {
    var network = SimulatedNetwork.quiet()
    let (client, server) = network.connectedPair()
    _ = network.watch(server, generation: 9)
    _ = network.reports()
    for _ in 0..<2 {
      _ = network.send(client, count: 4)
      network.settle()
      #expect(network.reports() == [server: [.input, .output]] && network.reports().isEmpty)
    }
    #expect(network.receive(server, 3) == .count(3))
    #expect(network.reports().isEmpty)
  }

  /// A second one begins anew, as EPOLL_CTL_MOD does.
  @Test func aWatchReportsWhatIsReadyAlreadyAndItsGeneration() {
    var network = SimulatedNetwork.quiet()
    let (client, server) = network.connectedPair()
    _ = network.send(client, count: 4)
    network.settle()
    #expect(network.watch(server, generation: 77) == 0 && network.watch(server, generation: 78) == 0)
    var events: [ReadinessEvent] = []
    network.takeReports(into: &events, limit: 8)
    #expect(events.count == 1 && events[0].generation == 78 && events[0].readiness == [.input, .output])
  }

  @Test func aClosedDescriptorIsReportedNoMoreAndItsNumberIsUsedAtOnce() {
    var network = SimulatedNetwork.quiet()
    let (client, server) = network.connectedPair()
    _ = network.watch(server, generation: 1)
    _ = network.send(client, count: 4)
    network.settle()
    #expect(network.close(server) == 0 && network.close(server) == -EBADF)
    #expect(network.open() == min(server, network.limits.firstDescriptor))
    let next = network.open()
    #expect(next == server && network.reports().isEmpty && network.receive(server) == .failure(ENOTCONN))
  }

  @Test func aCloggedPathDeliversLater() {
    var network = SimulatedNetwork(choices: Choices(seed: 1, only: [.clog: 1]))
    let (client, server) = network.connectedPair()
    let sent = network.clock
    _ = network.send(client, count: 1)
    network.settle()
    #expect(network.clock >= sent + 1_000_000 && network.bytesAvailable(server) == 1)
  }

  @Test func aShortSendIsFollowedByAReportOfSpace() {
    var network = SimulatedNetwork(choices: Choices(seed: 1, only: [.shortSend: 1]))
    let (client, server) = network.connectedPair()
    _ = network.watch(client, generation: 1)
    _ = network.reports()
    let sent = network.send(client, count: 1000)
    #expect((1..<1000).contains(sent))
    network.settle()
    #expect(network.reports() == [client: .output] && network.bytesAvailable(server) == sent)
  }

  @Test func bytesMayArriveOneByOneAndStillInOrder() {
    var network = SimulatedNetwork(choices: Choices(seed: 1, only: [.singleByteArrives: 1]))
    let (client, server) = network.connectedPair()
    let bytes = (0..<50).map { UInt8($0) }
    _ = network.send(client, bytes)
    var received: [UInt8] = []
    while let time = network.nextEventTime {
      network.run(until: time)
      if case .bytes(let some) = network.receive(server) {
        #expect(some.count == 1)
        received += some
      }
    }
    #expect(received == bytes)
  }
}
