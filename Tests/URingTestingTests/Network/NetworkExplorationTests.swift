import Glibc
import Testing
import URingBackend

@testable import URingTesting

/// Calls in any order, on a network on which anything may happen: what TCP promises must hold all the same.
struct NetworkExplorationTests {
  /// One end of a connection as its program sees it.
  private struct End {
    var descriptor: Int32
    /// Which stream it writes; the other end writes `stream ^ 1`.
    var stream: Int
    var hasFinished = false
  }

  private struct World {
    var network: SimulatedNetwork
    var generator: SplitMix64
    var listener: Int32
    var ends: [End] = []
    /// By stream: how many bytes were sent and received.
    var sent: [Int] = []
    var received: [Int] = []
    var ended: [Bool] = []
    /// By the connecting socket's port.
    var streams: [UInt16: Int] = [:]
  }

  /// The byte at a place of a stream.
  private func byte(_ stream: Int, _ place: Int) -> UInt8 { UInt8(truncatingIfNeeded: place &* 31 &+ stream &* 17) }

  @Test func whatArrivesIsWhatWasSentInOrderAndNothingIsLeft() {
    for seed in 0..<400 as Range<UInt64> {
      var world = World(
        network: SimulatedNetwork(choices: Choices(seed: seed), limits: .small(1000, 700, 20)),
        generator: SplitMix64(seed: seed &+ 1_000_000),
        listener: -1
      )
      world.listener = world.network.listen(at: .loopback(port: 80), backlog: 3)
      for _ in 0..<300 {
        step(&world)
        check(world.network, seed)
      }
      for end in world.ends { #expect(world.network.close(end.descriptor) == 0) }
      #expect(world.network.close(world.listener) == 0)
      world.network.settle()
      #expect(world.network.openDescriptors == 0 && world.network.openConnections == 0, "seed \(seed)")
    }
  }

  private func check(_ network: SimulatedNetwork, _ seed: UInt64) {
    for side in network.sides where side.state != .free {
      let isSound =
        side.available <= side.input.count && side.available <= side.receiveCapacity
        && side.acknowledged <= side.written && side.unacknowledged <= side.sendCapacity + 1
      if !isSound { Issue.record("seed \(seed): \(side)") }
    }
  }

  private func step(_ world: inout World) {
    let choice = Int.random(in: 0..<20, using: &world.generator)
    switch choice {
    case 0, 1: connect(&world)
    case 2, 3: accept(&world)
    case 4...6: world.network.run(until: world.network.clock + .random(in: 0..<3_000_000, using: &world.generator))
    default:
      guard !world.ends.isEmpty else { return connect(&world) }
      let index = Int.random(in: 0..<world.ends.count, using: &world.generator)
      switch choice {
      case 7...11: send(&world, index)
      case 12...16: receive(&world, index)
      case 17:
        let how = Int32.random(in: 0..<3, using: &world.generator)
        if world.network.shutdown(world.ends[index].descriptor, how) == 0, how > 0 {
          world.ends[index].hasFinished = true
        }
      case 18: _ = world.network.mask(world.ends[index].descriptor)
      default:
        let end = world.ends.remove(at: index)
        if Bool.random(using: &world.generator) { _ = world.network.resetOnClose(end.descriptor) }
        #expect(world.network.close(end.descriptor) == 0)
      }
    }
  }

  private func connect(_ world: inout World) {
    let descriptor = world.network.open()
    guard descriptor >= 0 else { return }
    #expect(world.network.connect(descriptor, to: .loopback(port: 80)) == -EINPROGRESS)
    let stream = world.sent.count
    world.sent += [0, 0]
    world.received += [0, 0]
    world.ended += [false, false]
    world.ends.append(End(descriptor: descriptor, stream: stream))
    if let port = world.network.localAddress(descriptor)?.port { world.streams[port] = stream }
  }

  private func accept(_ world: inout World) {
    let descriptor = world.network.accept(world.listener)
    guard descriptor >= 0 else { return }
    // A socket that was reset meanwhile has no peer to ask for.
    guard let entry = world.network.entry(descriptor),
      let port = world.network.sides[world.network.table[entry].index].remote?.port, let stream = world.streams[port]
    else {
      Issue.record("nobody has connected to \(descriptor)")
      return
    }
    world.ends.append(End(descriptor: descriptor, stream: stream + 1))
  }

  private func send(_ world: inout World, _ index: Int) {
    let end = world.ends[index]
    let count = Int.random(in: 1...900, using: &world.generator)
    let bytes = (0..<count).map { byte(end.stream, world.sent[end.stream] + $0) }
    let result = world.network.send(end.descriptor, bytes)
    guard result > 0 else { return }
    #expect(!end.hasFinished)
    world.sent[end.stream] += result
  }

  private func receive(_ world: inout World, _ index: Int) {
    let stream = world.ends[index].stream ^ 1
    switch world.network.receive(world.ends[index].descriptor, .random(in: 1...900, using: &world.generator)) {
    case .bytes(let bytes):
      let place = world.received[stream]
      let isRight = bytes.indices.allSatisfy { bytes[$0] == byte(stream, place + $0) }
      world.received[stream] += bytes.count
      #expect(isRight && world.received[stream] <= world.sent[stream] && !world.ended[stream])
    case .end:
      // Of its own shutdown, or the peer's: nothing can come behind the peer's.
      guard let entry = world.network.entry(world.ends[index].descriptor) else { return }
      if world.network.sides[world.network.table[entry].index].flags.contains(.inputEnded) {
        #expect(world.received[stream] == world.sent[stream])
        world.ended[stream] = true
      }
    case .failure(let error):
      let known = [EAGAIN, ECONNRESET, ENOTCONN, ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT]
      #expect(known.contains(error))
    }
  }
}
