import SystemPackage
import URingTesting

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The simulated kernel with its simulated network, in which nothing goes wrong.
final class SimulatedKernel: Kernel {
  private let system: SimulatedSystem
  private var nextPort: UInt16 = 1
  private var peers: [SimulatedPeer] = []

  init() {
    var limits = NetworkLimits()
    limits.descriptors = 64
    // As over loopback: what is sent is there.
    limits.latency = 0
    // A connect that nobody answers is given up after the first repetition.
    limits.connectRetry = 500_000_000
    limits.connectRetries = 1
    system = SimulatedSystem(choices: .quiet, limits: limits)
  }

  func makeRing(entries: UInt32, completionEntries: UInt32) throws -> Ring {
    let driver = SimulatedDriver(
      system,
      entries: entries,
      completionEntries: completionEntries,
      features: .readiness
    )
    guard let driver else { throw Errno.noMemory }
    return Ring(driver: driver)
  }

  // MARK: Sockets

  func makeConnection(smallBuffers: Bool) throws -> (descriptor: Int32, peer: any Peer) {
    let port = takePort()
    guard system.listenAsPeer(at: port) else { throw Errno.addressInUse }
    let descriptor = try makeSocket()
    if smallBuffers { system.network.setCapacities(descriptor, send: 8192, receive: nil) }
    guard system.network.connect(descriptor, to: .loopback(port: port)) == -EINPROGRESS else { throw Errno.ioError }
    var accepted: SimulatedPeer?
    try wait {
      accepted = accepted ?? system.acceptAsPeer(at: port)
      return accepted != nil && system.network.connectResult(descriptor) == 0
    }
    system.stopListeningAsPeer(at: port)
    guard let accepted else { throw Errno.timedOut }
    return (descriptor, SimulatedKernelPeer(accepted, of: self))
  }

  func makeSocket() throws -> Int32 {
    let descriptor = system.network.open()
    guard descriptor >= 0 else { throw Errno(rawValue: -descriptor) }
    return descriptor
  }

  func makeListener(backlog: Int32) throws -> (descriptor: Int32, address: SocketAddress) {
    let port = takePort()
    let descriptor = system.listen(at: port, backlog: Int(backlog))
    guard descriptor >= 0 else { throw Errno(rawValue: -descriptor) }
    return (descriptor, .loopback(port: port))
  }

  func makePeer(connectedTo address: SocketAddress) throws -> any Peer {
    let peer = system.connectPeer(to: address.port)
    try wait { !peer.isConnecting }
    return SimulatedKernelPeer(peer, of: self)
  }

  func addressOfNobody() throws -> SocketAddress { .loopback(port: takePort()) }

  func addressOfTheSilent() throws -> SocketAddress {
    let port = takePort()
    guard system.listenAsPeer(at: port, backlog: 0) else { throw Errno.addressInUse }
    // A full backlog drops what comes.
    for _ in 0..<4 { peers.append(system.connectPeer(to: port)) }
    settle()
    return .loopback(port: port)
  }

  func makeImpatient(_ descriptor: Int32) {}

  // The network has sockets only.
  func makeEvent() throws -> Int32 { throw Scenario.Impossible() }
  func signal(_ event: Int32) throws { throw Scenario.Impossible() }

  func useUpDescriptors() throws {
    while system.network.open() >= 0 {}
  }

  func close(_ descriptor: Int32) {
    system.close(descriptor) as Void
  }

  // MARK: Rest

  /// A buffer's worth moves in each.
  var turnsToRest: Int { 40 }

  /// What is under way arrives. What waits for longer, such as a repeated SYN, does not come into it.
  func settle() {
    let end = system.network.clock + 10_000_000
    while let time = system.network.nextEventTime, time <= end { system.network.run(until: time) }
  }

  // What is acknowledged has arrived after every turn.
  func isFull(_ descriptor: Int32) -> Bool { true }

  func waitForInput(_ descriptor: Int32, bytes: Int) throws {
    try wait { system.network.bytesAvailable(descriptor) >= bytes }
  }

  func waitForEnd(_ descriptor: Int32) throws {
    try wait { system.network.poll(descriptor, 0x2000) != 0 }
  }

  func waitForConnection(_ listener: Int32) throws {
    try wait { system.network.poll(listener, UInt32(POLLIN)) != 0 }
  }

  private func wait(_ condition: () -> Bool) throws {
    for _ in 0..<10_000 {
      if condition() { return }
      system.network.run(until: system.network.nextEventTime ?? system.network.clock + 1000)
    }
    throw Errno.timedOut
  }

  private func takePort() -> UInt16 {
    nextPort += 1
    return nextPort
  }
}

/// A peer on the simulated network.
final class SimulatedKernelPeer: Peer {
  private let peer: SimulatedPeer
  private let kernel: SimulatedKernel
  private var isReset = false

  init(_ peer: SimulatedPeer, of kernel: SimulatedKernel) {
    self.peer = peer
    self.kernel = kernel
  }

  deinit {
    if !isReset { peer.close() }
  }

  func write(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    for _ in 0..<1000 where !rest.isEmpty {
      rest = rest.dropFirst(peer.write(Array(rest)))
      if !rest.isEmpty { kernel.settle() }
    }
    guard rest.isEmpty else { throw Errno.brokenPipe }
  }

  func read() throws -> (bytes: [UInt8], end: PeerEnd?) {
    kernel.settle()
    var bytes: [UInt8] = []
    while peer.bytesAvailable > 0 {
      bytes += peer.read(65_536)
      kernel.settle()
    }
    return (bytes, peer.wasReset ? .reset : peer.hasEnded ? .endOfStream : nil)
  }

  func finish() throws { peer.finish() }

  func reset() throws {
    isReset = true
    peer.reset()
  }
}
