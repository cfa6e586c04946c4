import CLiburing
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@testable import URingBackend

/// A datagram socket of plain POSIX calls. Only the form of addresses is shared with what is under test.
final class BlockingDatagramClient: Sendable {
  let descriptor: Int32

  /// A socket that is bound, or not.
  init(family: SocketAddress.Family = .ipv4, boundTo address: SocketAddress? = nil, guardSeconds: Int = 50) throws {
    let domain = family == .unix ? AF_UNIX : family == .ipv6 ? AF_INET6 : AF_INET
    descriptor = socket(domain, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    try set(SOL_SOCKET, SO_RCVTIMEO, timeval(tv_sec: guardSeconds, tv_usec: 0))
    try set(SOL_SOCKET, SO_SNDTIMEO, timeval(tv_sec: guardSeconds, tv_usec: 0))
    if let address { try check(unsafe address.withForm { unsafe bind(descriptor, $0, $1) }) }
  }

  convenience init(connectedTo peer: SocketAddress, boundTo address: SocketAddress? = nil) throws {
    try self.init(family: peer.family, boundTo: address)
    try check(unsafe peer.withForm { unsafe connect(descriptor, $0, $1) })
  }

  deinit { close(descriptor) }

  func check(_ result: some BinaryInteger) throws {
    if result < 0 { throw Errno(rawValue: errno) }
  }

  func set<Value: BitwiseCopyable>(_ level: Int32, _ name: Int32, _ value: Value) throws {
    var value = value
    try check(unsafe setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Value>.size)))
  }

  var local: SocketAddress {
    get throws {
      guard let address = Socket.localAddress(of: descriptor) else { throw Errno(rawValue: errno) }
      return address
    }
  }

  func send(_ bytes: [UInt8], to peer: SocketAddress? = nil) throws {
    let count = unsafe bytes.withUnsafeBytes { bytes in
      guard let peer else { return unsafe Glibc.send(descriptor, bytes.baseAddress, bytes.count, 0) }
      return Int(unsafe peer.withForm { Int32(unsafe sendto(descriptor, bytes.baseAddress, bytes.count, 0, $0, $1)) })
    }
    try check(count)
  }

  func receive() throws -> [UInt8] { try receiveFrom().bytes }

  /// One datagram, and who sent it.
  func receiveFrom(_ most: Int = 65_536) throws -> (bytes: [UInt8], peer: SocketAddress?) {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var bytes = [UInt8](repeating: 0, count: most)
    let count = unsafe bytes.withUnsafeMutableBytes { bytes in
      unsafe withUnsafeMutablePointer(to: &storage) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe recvfrom(descriptor, bytes.baseAddress, bytes.count, 0, $0, &length)
        }
      }
    }
    try check(count)
    return (Array(bytes[..<count]), SocketAddress(storage, length: length))
  }
}

extension SocketAddress {
  func withForm(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    unsafe Socket.withKernelForm(of: self, body)
  }
}
