internal import CLiburing
internal import Glibc

/// Control messages: cmsg(3), ip(7), ipv6(7), udp(7), unix(7).
///
/// Numbers of the kernel's, the same on every architecture that this package runs on; the C library has some of them only.
enum ControlMessage {
  static let socket: Int32 = 1
  static let ip: Int32 = 0
  static let ipv6: Int32 = 41
  static let udp: Int32 = 17

  static let rights: Int32 = 1
  static let credentials: Int32 = 2
  /// SO_RXQ_OVFL.
  static let queueOverflow: Int32 = 40

  static let ipTypeOfService: Int32 = 1
  static let ipTimeToLive: Int32 = 2
  static let ipPacketInfo: Int32 = 8
  static let ipv6PacketInfo: Int32 = 50
  static let ipv6HopLimit: Int32 = 52
  static let ipv6TrafficClass: Int32 = 67
  /// UDP_SEGMENT and UDP_GRO.
  static let udpSegment: Int32 = 103
  static let udpGRO: Int32 = 104

  /// `struct cmsghdr`.
  static var headerBytes: Int { 16 }

  /// CMSG_SPACE(3).
  static func space(_ bytes: Int) -> Int { headerBytes + aligned(bytes) }

  static func aligned(_ bytes: Int) -> Int { (bytes + 7) & ~7 }

  /// Writes the header of a message with so many bytes.
  /// - Returns: where its bytes go.
  @inline(__always)
  static func write(_ level: Int32, _ type: Int32, bytes: Int, to base: UnsafeMutableRawPointer)
    -> UnsafeMutableRawPointer
  {
    // The caller says that there is room for `space(bytes)`.
    unsafe base.storeBytes(of: headerBytes + bytes, as: Int.self)
    unsafe base.storeBytes(of: level, toByteOffset: 8, as: Int32.self)
    unsafe base.storeBytes(of: type, toByteOffset: 12, as: Int32.self)
    return unsafe base + headerBytes
  }
}

/// The control messages that came with bytes, read with our own arithmetic: what a length says is believed as far as
/// there are bytes.
@safe
struct ControlMessages {
  // Why the pointer holds: `count` bytes from it on are there for as long as this value, which never leaves the call that
  // made it, says whoever made it.
  private let base: UnsafeRawPointer
  private let count: Int

  init(base: UnsafeRawPointer, count: Int) {
    unsafe self.base = base
    self.count = count
  }

  /// One message: where its bytes are, and how many.
  @safe
  struct Message {
    let level: Int32
    let type: Int32
    fileprivate let base: UnsafeRawPointer
    let count: Int

    /// The number at an offset; nil where there are not enough bytes.
    func load<Number: BitwiseCopyable>(_ offset: Int = 0, as type: Number.Type) -> Number? {
      guard offset >= 0, offset <= count - MemoryLayout<Number>.size else { return nil }
      // Inside, as was just tested.
      return unsafe base.loadUnaligned(fromByteOffset: offset, as: Number.self)
    }

    /// The bytes from an offset on, where there are so many.
    func bytes(_ offset: Int, _ number: Int) -> UnsafeRawPointer? {
      // An address inside, as is tested.
      offset >= 0 && number >= 0 && offset <= count - number ? unsafe base + offset : nil
    }
  }

  /// Calls `body` with one message after the other until it returns false.
  @inline(__always)
  func forEach(_ body: (Message) -> Bool) {
    var offset = 0
    while offset <= count - ControlMessage.headerBytes {
      // A whole header is there.
      let length = unsafe base.loadUnaligned(fromByteOffset: offset, as: UInt.self)
      guard length >= UInt(ControlMessage.headerBytes), length <= UInt(count - offset) else { return }
      let message = unsafe Message(
        level: base.loadUnaligned(fromByteOffset: offset + 8, as: Int32.self),
        type: base.loadUnaligned(fromByteOffset: offset + 12, as: Int32.self),
        base: base + offset + ControlMessage.headerBytes,
        count: Int(length) - ControlMessage.headerBytes
      )
      guard body(message) else { return }
      offset += ControlMessage.aligned(Int(length))
    }
  }

  /// The first message of a kind.
  func first(_ level: Int32, _ type: Int32) -> Message? {
    var found: Message?
    forEach { message in
      guard message.level == level, message.type == type else { return true }
      found = message
      return false
    }
    return found
  }
}
