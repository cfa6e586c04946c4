internal import Glibc
public import IOBuffers

/// A datagram that was received: its bytes, where they are, and what the kernel says of it.
///
/// It keeps one slot of the loop's memory for datagrams (`EventLoop.Configuration.datagramBytes`) until it, and every view of
/// its bytes, is gone. Any thread. Beside the bytes, what a field says is read when it is asked for.
@safe
public struct Datagram: ~Copyable, Sendable {
  // The one who has it gives the message back, once.
  private var message: ReceivedMessage

  init(_ message: ReceivedMessage) {
    self.message = message
  }

  deinit { message.release() }

  // MARK: Bytes

  /// How many bytes it has. None is a datagram, too: udp(7).
  public var count: Int { message.payloadCount }

  /// Calls `body` with the bytes, which cannot escape it.
  public borrowing func withBytes<R: ~Copyable, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    let start = message.layout.payloadOffset
    // Inside of the slot, which is locked for as long as this value is borrowed; a span cannot escape the call.
    let bytes = unsafe UnsafeRawBufferPointer(start: message.view.base + start, count: message.payloadCount)
    return try unsafe body(RawSpan(_unsafeBytes: bytes))
  }

  /// The bytes, as a view of the memory that the kernel filled: to be kept or to be sent. Descriptors that nobody has taken are
  /// closed.
  public consuming func takePayload() -> ReadView {
    let payload = message.takePayload()
    discard self
    return ReadView(payload)
  }

  /// Whether it was longer than ``DatagramOptions/largestDatagram``: what was beyond is lost. MSG_TRUNC of recvmsg(2).
  public var isTruncated: Bool { message.flags.contains(.isTruncated) }

  // MARK: Addresses

  /// Who sent it; nil for a Unix socket without a name. An IPv4 peer of a socket for both families shows as IPv4.
  public var peer: SocketAddress? { message.peer }

  /// Where it was sent to, which is a group's address for multicast; nil unless
  /// ``DatagramOptions/reportsLocalAddress``. IP_PKTINFO of ip(7).
  public var local: SocketAddress? { message.local }

  /// The way back to its sender, from the address that it came to; nil for a Unix socket without a name.
  public var path: DatagramPath? {
    guard let peer = message.peer else { return nil }
    return DatagramPath(peer: peer, local: message.source)
  }

  // MARK: What else the kernel says

  /// Its ECN codepoint; nil unless ``DatagramOptions/reportsECN``.
  public var ecn: ECNCodepoint? {
    let control = message.control
    if let bits = control.first(ControlMessage.ip, ControlMessage.ipTypeOfService)?.load(as: UInt8.self) {
      return ECNCodepoint(rawValue: bits & 3)
    }
    let bits = control.first(ControlMessage.ipv6, ControlMessage.ipv6TrafficClass)?.load(as: Int32.self)
    return bits.flatMap { ECNCodepoint(rawValue: UInt8(truncatingIfNeeded: $0) & 3) }
  }

  /// How many routers may still have passed it on; nil unless ``DatagramOptions/reportsHopLimit``.
  public var hopLimit: Int? {
    let control = message.control
    let number =
      control.first(ControlMessage.ip, ControlMessage.ipTimeToLive)?.load(as: Int32.self)
      ?? control.first(ControlMessage.ipv6, ControlMessage.ipv6HopLimit)?.load(as: Int32.self)
    return number.map { Int($0) }
  }

  /// Where the kernel has joined several datagrams of one sender into this one: the size of each of them, the last of which
  /// may be shorter. Nil: it is one datagram. UDP_GRO of udp(7); see ``DatagramOptions/joinsSegments``.
  public var segmentSize: Int? {
    let size = message.control.first(ControlMessage.udp, ControlMessage.udpGRO)?.load(as: Int32.self)
    return size.flatMap { $0 > 0 && $0 < message.payloadCount ? Int($0) : nil }
  }

  /// The process that sent it over a Unix socket, as the kernel says; nil unless ``DatagramOptions/reportsCredentials``.
  /// SCM_CREDENTIALS of unix(7).
  public var credentials: PeerCredentials? {
    guard let found = message.control.first(ControlMessage.socket, ControlMessage.credentials),
      let process = found.load(as: Int32.self), let user = found.load(4, as: UInt32.self),
      let group = found.load(8, as: UInt32.self)
    else { return nil }
    return PeerCredentials(processID: process, userID: user, groupID: group)
  }

  /// Takes the descriptors that came with it over a Unix socket, close-on-exec; what nobody takes is closed with the
  /// datagram. See ``DatagramOptions/maximumDescriptors``.
  public mutating func takeDescriptors() -> DescriptorList {
    DescriptorList(adopting: message.takeDescriptors())
  }

  /// Whether there was more than its socket asked for: with descriptors, the kernel closed those that had no room.
  /// MSG_CTRUNC of recvmsg(2).
  public var isControlTruncated: Bool { message.flags.contains(.isControlTruncated) }
}
