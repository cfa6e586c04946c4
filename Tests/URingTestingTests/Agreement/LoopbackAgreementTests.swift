import Glibc
import Testing
import URingBackend

@testable import URingTesting

/// The same calls, in an order that is drawn, on a simulated pair and on real sockets: each must answer the same.
///
/// Without faults and with little data nothing is left open on loopback, so one answer is the right one.
struct LoopbackAgreementTests {
  private enum Step: CaseIterable {
    case send, receive, receiveOne, peek, takeError, shutInput, shutOutput, shutBoth, close, reset
  }

  @Test func everyCallAnswersAsOnLoopback() throws {
    for seed in 0..<400 as Range<UInt64> {
      let disagreement = try run(seed)
      #expect(disagreement == nil)
      if disagreement != nil { return }
    }
  }

  /// What differs first, with the calls that led there.
  private func run(_ seed: UInt64) throws -> String? {
    var generator = SplitMix64(seed: seed)
    let real = try #require(LoopbackPair())
    var network = SimulatedNetwork.quiet(sendCapacity: 1 << 20, receiveCapacity: 1 << 20)
    let (client, server) = network.connectedPair()
    let ends = [client, server]
    let edges = try #require(EdgeReports())
    for end in [0, 1] {
      edges.watch(real.ends[end], as: end)
      _ = network.watch(ends[end], generation: UInt32(end))
    }
    var history: [String] = []
    var hasShut = [false, false]
    for _ in 0..<14 {
      let open = [0, 1].filter { real.isOpen($0) }
      guard let end = open.randomElement(using: &generator) else { break }
      // Ends of things are rarer than things.
      let steps: [Step] = [.send, .send, .receive, .receiveOne, .peek] + Step.allCases
      guard let step = steps.randomElement(using: &generator) else { break }
      let (expected, answered) = apply(step, end, ends[end], real, &network)
      if step == .shutOutput || step == .shutBoth { hasShut[end] = true }
      history.append("\(step) at \(end): \(expected)")
      network.settle()
      if let difference = difference(ends, real, &network) { return "seed \(seed): \(history), then \(difference)" }
      if expected != answered { return "seed \(seed): \(history), simulated \(answered)" }
      let reported = edges.take().mapValues(\.readiness)
      let simulated = network.reports()
      for end in [0, 1] where real.isOpen(end) && reported[end] != simulated[ends[end]] {
        // The acknowledgement of a FIN wakes its sender, and may come 40 ms late: delayed, RFC 1122, 4.2.3.2.
        if simulated[ends[end]] == nil, network.mask(ends[end]) != .reset, hasShut[end] { continue }
        return "seed \(seed): \(history), reported at \(end): \(reported[end], default: "nothing"), "
          + "simulated: \(simulated[ends[end]], default: "nothing")"
      }
    }
    return nil
  }

  private func apply(
    _ step: Step,
    _ end: Int,
    _ descriptor: Int32,
    _ real: LoopbackPair,
    _ network: inout SimulatedNetwork
  ) -> (Int, Int) {
    switch step {
    case .send: return (real.send(end, 3), network.send(descriptor, count: 3))
    case .receive: return (real.receive(end, 100), count(network.receive(descriptor, 100)))
    case .receiveOne: return (real.receive(end, 1), count(network.receive(descriptor, 1)))
    case .peek: return (real.receive(end, 1, peeks: true), Int(network.peek(descriptor)))
    case .takeError: return (real.takeError(end), Int(network.takeError(of: descriptor)))
    case .shutInput: return (real.shutdown(end, 0), Int(network.shutdown(descriptor, 0)))
    case .shutOutput: return (real.shutdown(end, 1), Int(network.shutdown(descriptor, 1)))
    case .shutBoth: return (real.shutdown(end, 2), Int(network.shutdown(descriptor, 2)))
    case .reset:
      real.resetOnClose(end)
      real.close(end)
      _ = network.resetOnClose(descriptor)
      _ = network.close(descriptor)
    case .close:
      real.close(end)
      _ = network.close(descriptor)
    }
    return (0, 0)
  }

  private func count(_ received: Received) -> Int {
    switch received {
    case .bytes(let bytes): bytes.count
    case .end: 0
    case .failure(let error): -Int(error)
    }
  }

  /// Loopback delivers at once, but on a busy machine another thread may have to do it: a difference must stay for a while.
  private func difference(_ ends: [Int32], _ real: LoopbackPair, _ network: inout SimulatedNetwork) -> String? {
    var difference: String?
    for attempt in 0..<200 {
      if attempt > 0 { usleep(2000) }
      difference = nil
      for end in [0, 1] where real.isOpen(end) {
        let expected = "\(real.mask(end)), \(real.available(end)) bytes, peer \(real.hasPeer(end))"
        let mask = network.mask(ends[end])
        let hasPeer = network.peerAddress(ends[end]) != nil
        let found = "\(mask), \(network.bytesAvailable(ends[end])) bytes, peer \(hasPeer)"
        if expected != found { difference = "at \(end) real: \(expected); simulated: \(found)" }
      }
      if difference == nil { return nil }
    }
    return difference
  }
}
