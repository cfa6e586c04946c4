import Glibc
import URingBackend

@testable import URingTesting

/// Calls in the words of the tests.
extension SimulatedNetwork {
  /// A network on which nothing goes wrong, with small buffers where a test wants them.
  static func quiet(sendCapacity: Int = 4096, receiveCapacity: Int = 4096, descriptors: Int = 100) -> SimulatedNetwork {
    SimulatedNetwork(choices: .quiet, limits: .small(sendCapacity, receiveCapacity, descriptors))
  }

  /// Lets everything happen that is under way.
  mutating func settle() {
    while let time = nextEventTime { run(until: time) }
  }

  /// Two connected descriptors: who connected, and who was accepted. The listener is closed.
  mutating func connectedPair() -> (client: Int32, server: Int32) {
    let listener = listen(at: .loopback(port: 0), backlog: 8)
    let client = open()
    _ = connect(client, to: localAddress(listener) ?? .any(port: 0))
    settle()
    let server = accept(listener)
    _ = close(listener)
    return (client, server)
  }

  mutating func send(_ descriptor: Int32, count: Int) -> Int {
    let bytes = [UInt8](repeating: 0x78, count: count)
    return unsafe bytes.withUnsafeBytes { unsafe send(descriptor, $0) }
  }

  mutating func send(_ descriptor: Int32, _ bytes: [UInt8]) -> Int {
    unsafe bytes.withUnsafeBytes { unsafe send(descriptor, $0) }
  }

  mutating func receive(_ descriptor: Int32, _ limit: Int = 1 << 20) -> Received {
    var bytes = [UInt8](repeating: 0, count: limit)
    let result = unsafe bytes.withUnsafeMutableBytes { unsafe receive(descriptor, into: $0) }
    if result < 0 { return .failure(Int32(-result)) }
    return result == 0 ? .end : .bytes(Array(bytes[..<result]))
  }

  /// What poll(2) sees of everything that it can be asked.
  mutating func mask(_ descriptor: Int32) -> PollMask {
    PollMask(rawValue: UInt32(bitPattern: poll(descriptor, PollMask.asked.rawValue)))
  }

  /// What is reported now, by descriptor.
  mutating func reports() -> [Int32: Readiness] {
    var events: [ReadinessEvent] = []
    takeReports(into: &events, limit: 64)
    return Dictionary(events.map { ($0.descriptor, $0.readiness) }) { $0.union($1) }
  }
}

extension NetworkLimits {
  static func small(_ send: Int, _ receive: Int, _ descriptors: Int) -> NetworkLimits {
    var limits = NetworkLimits()
    limits.sendCapacity = send
    limits.receiveCapacity = receive
    limits.descriptors = descriptors
    return limits
  }
}

/// How a receive came out.
enum Received: Equatable {
  case bytes([UInt8])
  case end
  case failure(Int32)

  static func count(_ count: Int) -> Received { .bytes([UInt8](repeating: 0x78, count: count)) }
}

struct PollMask: OptionSet, Equatable, CustomStringConvertible {
  let rawValue: UInt32

  static let input = PollMask(rawValue: UInt32(POLLIN))
  static let output = PollMask(rawValue: UInt32(POLLOUT))
  static let failure = PollMask(rawValue: UInt32(POLLERR))
  static let hungUp = PollMask(rawValue: UInt32(POLLHUP))
  static let peerHungUp = PollMask(rawValue: 0x2000)
  static let asked: PollMask = [.input, .output, .peerHungUp]
  /// What follows a reset.
  static let reset: PollMask = [.input, .output, .failure, .hungUp, .peerHungUp]
  /// Both streams are over.
  static let over: PollMask = [.input, .output, .hungUp, .peerHungUp]

  var description: String {
    let names: [(PollMask, String)] = [
      (.input, "IN"), (.output, "OUT"), (.failure, "ERR"), (.hungUp, "HUP"), (.peerHungUp, "RDHUP"),
    ]
    return names.filter { contains($0.0) }.map(\.1).joined(separator: "|")
  }
}
