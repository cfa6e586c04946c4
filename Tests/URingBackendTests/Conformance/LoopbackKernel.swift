import CLiburing
import SystemPackage

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The machine's own TCP over 127.0.0.1, under any driver that works with its descriptors.
final class LoopbackKernel: Kernel {
  private let makeDriver: (UInt32, UInt32) throws -> any RingDriver
  /// Sockets that are there for others to meet.
  private var kept: [Int32] = []
  private var peers: [any Peer] = []

  /// - Parameter makeDriver: of the numbers of submission and of completion entries.
  init(makeDriver: @escaping (UInt32, UInt32) throws -> any RingDriver) {
    self.makeDriver = makeDriver
  }

  deinit {
    for descriptor in kept { Glibc.close(descriptor) }
  }

  func makeRing(entries: UInt32, completionEntries: UInt32) throws -> Ring {
    Ring(driver: try makeDriver(entries, completionEntries))
  }

  // MARK: Sockets

  func makeConnection(smallBuffers: Bool) throws -> (descriptor: Int32, peer: any Peer) {
    let listener = try makeSocket()
    defer { Glibc.close(listener) }
    if smallBuffers { try set(listener, SOL_SOCKET, SO_RCVBUF, 16_384) }
    let address = try listen(listener, backlog: 1)
    let descriptor = try makeSocket()
    if smallBuffers { try set(descriptor, SOL_SOCKET, SO_SNDBUF, 8192) }
    try connect(descriptor, address)
    let accepted = accept(listener, nil, nil)
    guard accepted >= 0 else { throw Errno(rawValue: errno) }
    for end in [descriptor, accepted] { try set(end, Int32(IPPROTO_TCP), Int32(TCP_NODELAY), 1) }
    return (descriptor, LoopbackPeer(adopting: accepted))
  }

  func makeSocket() throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    return descriptor
  }

  func makeListener(backlog: Int32) throws -> (descriptor: Int32, address: SocketAddress) {
    let listener = try makeSocket()
    return (listener, try listen(listener, backlog: backlog))
  }

  func makePeer(connectedTo address: SocketAddress) throws -> any Peer {
    let descriptor = try makeSocket()
    try connect(descriptor, address)
    return LoopbackPeer(adopting: descriptor)
  }

  func addressOfNobody() throws -> SocketAddress {
    // Bound, so that nobody else gets the port, and not listening.
    let descriptor = try makeSocket()
    kept.append(descriptor)
    return try bind(descriptor)
  }

  func addressOfTheSilent() throws -> SocketAddress {
    // A listener with a full backlog drops what comes.
    let (listener, address) = try makeListener(backlog: 0)
    kept.append(listener)
    while true {
      let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
      guard filler >= 0 else { throw Errno(rawValue: errno) }
      kept.append(filler)
      try? connect(filler, address)
      var one = pollfd(fd: filler, events: Int16(POLLOUT), revents: 0)
      if unsafe poll(&one, 1, 20) == 0 { return address }
    }
  }

  func makeImpatient(_ descriptor: Int32) {
    try? set(descriptor, Int32(IPPROTO_TCP), Int32(TCP_SYNCNT), 1)
    try? set(descriptor, Int32(IPPROTO_TCP), Int32(TCP_USER_TIMEOUT), 100)
  }

  func makeDatagramSocket(connectedTo address: SocketAddress?) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    _ = try bind(descriptor)
    if let address { try connect(descriptor, address) }
    return descriptor
  }

  func makeEvent() throws -> Int32 {
    let descriptor = eventfd(0, SLUICE_EFD_CLOEXEC)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    return descriptor
  }

  func signal(_ event: Int32) throws {
    var one: UInt64 = 1
    guard unsafe write(event, &one, 8) == 8 else { throw Errno(rawValue: errno) }
  }

  func useUpDescriptors() throws {
    // The limit is the process's, and others need it; where it is too high to be used up, there is no such situation.
    guard getdtablesize() <= 200_000 else { throw Scenario.Impossible() }
    let (first, _) = try makeListener(backlog: 1)
    kept.append(first)
    while case let next = dup(first), next >= 0 { kept.append(next) }
    guard errno == EMFILE else { throw Errno(rawValue: errno) }
  }

  func close(_ descriptor: Int32) {
    Glibc.close(descriptor)
  }

  // MARK: Rest

  // Bytes, ends and connections are there when the call that makes them returns, nearly always; the waits below are for the
  // rest.
  func settle() {}

  func isFull(_ descriptor: Int32) -> Bool {
    var info = tcp_info()
    var length = socklen_t(MemoryLayout<tcp_info>.size)
    guard unsafe getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0 else { return false }
    // Segments under way, and bytes that are under way or wait.
    return info.tcpi_unacked == 0 && Socket.unacknowledgedBytes(of: descriptor) > 0
  }

  func waitForInput(_ descriptor: Int32, bytes: Int) throws {
    try wait {
      var count: Int32 = 0
      return unsafe ioctl(descriptor, UInt(FIONREAD), &count) == 0 && count >= bytes
    }
  }

  func waitForEnd(_ descriptor: Int32) throws {
    // POLLRDHUP of poll(2), which the C library shows to few.
    try wait { has(descriptor, 0x2000) }
  }

  func waitForConnection(_ listener: Int32) throws {
    try wait { has(listener, Int16(POLLIN)) }
  }

  private func has(_ descriptor: Int32, _ events: Int16) -> Bool {
    var one = pollfd(fd: descriptor, events: events, revents: 0)
    return unsafe poll(&one, 1, 0) == 1
  }

  private func wait(_ condition: () -> Bool) throws {
    let limit = ContinuousClock.now + .seconds(20)
    while !condition() {
      guard ContinuousClock.now < limit else { throw Errno.timedOut }
      usleep(100)
    }
  }

  // MARK: Calls

  private func listen(_ descriptor: Int32, backlog: Int32) throws -> SocketAddress {
    let address = try bind(descriptor)
    guard Glibc.listen(descriptor, backlog) == 0 else { throw Errno(rawValue: errno) }
    return address
  }

  /// Binds to 127.0.0.1, at a port that the kernel chooses.
  private func bind(_ descriptor: Int32) throws -> SocketAddress {
    try unsafe call(SocketAddress.loopback(port: 0)) { unsafe Glibc.bind(descriptor, $0, $1) }
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    // An IPv4 socket's name is a `sockaddr_in`.
    let result = unsafe withUnsafeMutableBytes(of: &address) {
      unsafe getsockname(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, &length)
    }
    guard result == 0 else { throw Errno(rawValue: errno) }
    return .loopback(port: UInt16(bigEndian: address.sin_port))
  }

  private func connect(_ descriptor: Int32, _ address: SocketAddress) throws {
    try unsafe call(address) { unsafe Glibc.connect(descriptor, $0, $1) }
  }

  private func call(_ address: SocketAddress, _ body: (UnsafePointer<sockaddr>?, socklen_t) -> Int32) throws {
    var (storage, length) = address.kernelForm
    // There for as long as the call, and as large as its length says.
    let result = unsafe withUnsafeBytes(of: &storage) {
      unsafe body($0.assumingMemoryBound(to: sockaddr.self).baseAddress, length)
    }
    guard result == 0 else { throw Errno(rawValue: errno) }
  }

  private func set(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32) throws {
    var value = value
    let size = socklen_t(MemoryLayout<Int32>.size)
    guard unsafe setsockopt(descriptor, level, name, &value, size) == 0 else { throw Errno(rawValue: errno) }
  }
}
