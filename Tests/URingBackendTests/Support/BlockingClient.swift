import CLiburing
import SystemPackage
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A TCP client of plain POSIX calls, which shares no code with what is under test. Closed with its last reference.
final class BlockingClient: Sendable {
  let descriptor: Int32
  private let isClosed = Atomic<Bool>(false)

  /// Connects to 127.0.0.1, or to another host of 127.0.0.0/8, or to ::1.
  /// - Parameters:
  ///   - bufferBytes: SO_RCVBUF and SO_SNDBUF; nil leaves the kernel's.
  ///   - guardSeconds: a call that stands still for so long fails instead of hanging for ever.
  init(
    port: UInt16,
    host: LoopbackHost = .shared,
    ipv6: Bool = false,
    bufferBytes: Int32? = nil,
    guardSeconds: Int = 50
  ) throws {
    descriptor = socket(ipv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    if let bufferBytes {
      try set(SO_RCVBUF, bufferBytes)
      try set(SO_SNDBUF, bufferBytes)
    }
    try set(SO_RCVTIMEO, timeval(tv_sec: guardSeconds, tv_usec: 0))
    try set(SO_SNDTIMEO, timeval(tv_sec: guardSeconds, tv_usec: 0))
    try connect(port: port, host: host, ipv6: ipv6)
  }

  func connect(port: UInt16, host: LoopbackHost = .shared, ipv6: Bool = false) throws {
    if ipv6 {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      address.sin6_addr = in6addr_loopback
      try connect(address)
    } else {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = host.number.bigEndian
      try connect(address)
    }
  }

  /// Takes over a descriptor.
  init(adopting descriptor: Int32) {
    self.descriptor = descriptor
  }

  deinit {
    close()
  }

  private func connect<Address>(_ address: Address) throws {
    var address = address
    let result = unsafe withUnsafeBytes(of: &address) { bytes in
      unsafe Glibc.connect(
        descriptor,
        bytes.assumingMemoryBound(to: sockaddr.self).baseAddress,
        socklen_t(MemoryLayout<Address>.size)
      )
    }
    if result < 0 {
      let error = Errno(rawValue: errno)
      close()
      throw error
    }
  }

  func set<Value: BitwiseCopyable>(_ name: Int32, _ value: Value) throws {
    var value = value
    let result = unsafe setsockopt(descriptor, SOL_SOCKET, name, &value, socklen_t(MemoryLayout<Value>.size))
    if result < 0 { throw Errno(rawValue: errno) }
  }

  // MARK: Bytes

  /// Sends all of it.
  func send(_ bytes: [UInt8]) throws {
    try unsafe bytes.withUnsafeBytes { try unsafe send($0) }
  }

  func send(_ bytes: UnsafeRawBufferPointer) throws {
    var sent = 0
    while sent < bytes.count {
      sent += try unsafe sendSome(UnsafeRawBufferPointer(rebasing: bytes[sent...]))
    }
  }

  /// One send(2).
  func sendSome(_ bytes: UnsafeRawBufferPointer, flags: Int32 = 0) throws -> Int {
    let count = unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL) | flags)
    if count < 0 { throw Errno(rawValue: errno) }
    return count
  }

  /// One recv(2); empty at the end of the stream.
  func receive(_ most: Int = 65_536) throws -> [UInt8] {
    try unsafe withUnsafeTemporaryAllocation(byteCount: most, alignment: 64) { buffer in
      let count = try unsafe receiveSome(UnsafeMutableRawBufferPointer(buffer))
      return unsafe Array(buffer[..<count])
    }
  }

  func receiveSome(_ buffer: UnsafeMutableRawBufferPointer, flags: Int32 = 0) throws -> Int {
    let count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, flags)
    if count < 0 { throw Errno(rawValue: errno) }
    return count
  }

  /// As many bytes as asked for, fewer only at the end of the stream.
  func receive(exactly count: Int) throws -> [UInt8] {
    var result: [UInt8] = []
    while result.count < count {
      let bytes = try receive(count - result.count)
      if bytes.isEmpty { break }
      result += bytes
    }
    return result
  }

  func receiveToEnd() throws -> [UInt8] {
    var result: [UInt8] = []
    while true {
      let bytes = try receive()
      if bytes.isEmpty { return result }
      result += bytes
    }
  }

  /// Whether the connection is over, by an end of stream or by a reset.
  func isEnded() -> Bool {
    do {
      return try receive(1).isEmpty
    } catch {
      return error as? Errno == .connectionReset
    }
  }

  // MARK: Ends

  /// A FIN; receiving goes on.
  func closeOutput() throws {
    if shutdown(descriptor, Int32(SHUT_WR)) < 0 { throw Errno(rawValue: errno) }
  }

  /// A RST: SO_LINGER with zero seconds, see socket(7).
  func reset() throws {
    try set(SO_LINGER, linger(l_onoff: 1, l_linger: 0))
    close()
  }

  func close() {
    if !isClosed.exchange(true, ordering: .relaxed) { _ = Glibc.close(descriptor) }
  }
}

extension BlockingClient {
  /// Sends, and receives as many bytes.
  func echo(_ bytes: [UInt8]) throws -> [UInt8] {
    try send(bytes)
    return try receive(exactly: bytes.count)
  }
}
