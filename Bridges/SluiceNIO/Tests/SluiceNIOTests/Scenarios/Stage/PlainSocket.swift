import NIOCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A socket of plain POSIX calls, which shares no code with what is under test. Calls block for 20 seconds at most.
final class PlainSocket: Sendable {
  private let descriptor: CInt

  private init(_ descriptor: CInt) {
    self.descriptor = descriptor
  }

  convenience init(connectedTo address: SocketAddress) throws {
    let descriptor = socket(CInt(address.protocol.rawValue), CInt(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
    self.init(descriptor)
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    for name in [SO_RCVTIMEO, SO_SNDTIMEO] {
      unsafe setsockopt(descriptor, SOL_SOCKET, name, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
    // The call lends as many bytes as it says.
    let status = unsafe address.withSockAddr { unsafe connect(descriptor, $0, socklen_t($1)) }
    guard status == 0 else { throw IOError(errnoCode: errno, reason: "connect") }
  }

  deinit {
    _ = Glibc.close(descriptor)
  }

  /// A descriptor of the same socket, for somebody else to close.
  func duplicate() -> CInt { dup(descriptor) }

  func send(_ text: String) throws {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      // The call reads just the bytes that it is lent.
      let sent = unsafe rest.withUnsafeBytes {
        unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
      }
      guard sent > 0 else { throw IOError(errnoCode: errno, reason: "send") }
      rest = rest.dropFirst(sent)
    }
  }

  /// What comes until there is so much of it, or the stream ends.
  func receive(_ count: Int = .max) throws -> String {
    var bytes: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < count {
      // The call writes into just the bytes that it is lent.
      let received = unsafe room.withUnsafeMutableBytes {
        unsafe recv(descriptor, $0.baseAddress, min($0.count, count - bytes.count), 0)
      }
      guard received >= 0 else { throw IOError(errnoCode: errno, reason: "recv") }
      if received == 0 { break }
      bytes += room.prefix(received)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  func endOutput() { _ = shutdown(descriptor, CInt(SHUT_WR)) }

  /// Closes with a reset: SO_LINGER with zero seconds. The descriptor itself stays until the end.
  func reset() {
    // connect(2) to no address takes a TCP socket's connection away, with a reset. All zero is AF_UNSPEC.
    let address = sockaddr_storage()
    unsafe withUnsafeBytes(of: address) { bytes in
      let base = unsafe bytes.bindMemory(to: sockaddr.self).baseAddress
      _ = unsafe connect(descriptor, base, socklen_t(bytes.count))
    }
  }
}
