internal import CLiburing
internal import Glibc
internal import IOBuffers

/// How the slots of one socket are laid out: ``MessageHeader``, the name, the control messages, the bytes.
struct MessageLayout: BitwiseCopyable, Sendable, Equatable {
  /// Room for the name.
  var nameBytes: UInt16
  /// Room for control messages.
  var controlBytes: UInt16

  var controlOffset: Int { MessageHeader.bytes &+ Int(nameBytes) }
  var payloadOffset: Int { controlOffset &+ Int(controlBytes) }
}

/// A datagram as it lies in its slot, with what stands in front of it. To be given back once, as the view that it has.
@safe
struct ReceivedMessage: BitwiseCopyable, Sendable {
  /// The slot from its start to the last byte of the datagram.
  let view: DetachedView
  /// Bytes of the name, of the control messages, and where they and the datagram begin.
  let nameLength: UInt16
  let controlLength: UInt16
  let layout: MessageLayout
  /// The port that the socket is bound to.
  let localPort: UInt16
  private(set) var flags: Flags
  /// More descriptors than this are closed already.
  private var descriptorLimit: UInt8 = .max

  struct Flags: OptionSet, BitwiseCopyable, Sendable {
    let rawValue: UInt8
    /// The datagram was longer than its slot.
    static let isTruncated = Flags(rawValue: 1)
    /// There were more control messages than there is room for.
    static let isControlTruncated = Flags(rawValue: 2)
    /// Descriptors are among the control messages, and nobody has taken them.
    static let hasDescriptors = Flags(rawValue: 4)
  }

  /// Reads the header of what the kernel, or whoever plays its part, has put into a slot. No length in it is believed beyond
  /// the bytes that are there.
  /// - Returns: nil if not even all of what stands in front of a datagram is there. The view is still the caller's then.
  @inline(__always)
  init?(_ view: DetachedView, layout: MessageLayout, localPort: UInt16) {
    let payloadOffset = layout.payloadOffset
    guard Int(view.count) >= payloadOffset else { return nil }
    // At least as many bytes as the header has, and in front of the payload the areas that the layout says.
    let header = unsafe MessageHeader(UnsafeRawPointer(view.base))
    var whole = view
    whole.count =
      UInt32(truncatingIfNeeded: payloadOffset)
      &+ min(
        header.payloadLength,
        view.count &- UInt32(truncatingIfNeeded: payloadOffset)
      )
    self.view = whole
    nameLength = UInt16(truncatingIfNeeded: min(header.nameLength, UInt32(layout.nameBytes)))
    controlLength = UInt16(truncatingIfNeeded: min(header.controlLength, UInt32(layout.controlBytes)))
    self.layout = layout
    self.localPort = localPort
    flags = []
    if header.flags & SLUICE_TRUNC != 0 { flags.insert(.isTruncated) }
    if header.flags & SLUICE_CTRUNC != 0 { flags.insert(.isControlTruncated) }
    if controlLength > 0, control.first(ControlMessage.socket, ControlMessage.rights) != nil {
      flags.insert(.hasDescriptors)
    }
  }

  // MARK: What it says

  /// Bytes of the datagram.
  var payloadCount: Int { Int(view.count) &- layout.payloadOffset }

  /// The control messages. Not to be kept beyond the lock of the view.
  var control: ControlMessages {
    // Inside of the slot, as `init` has seen to.
    unsafe ControlMessages(base: UnsafeRawPointer(view.base) + layout.controlOffset, count: Int(controlLength))
  }

  /// Who sent it; nil for a Unix socket without a name.
  var peer: SocketAddress? {
    // Inside of the slot, as above.
    unsafe SocketAddress(
      kernelForm: UnsafeRawPointer(view.base) + MessageHeader.bytes,
      count: Int(nameLength)
    )?.unmapped
  }

  /// Where it was sent to: IP_PKTINFO, IPV6_PKTINFO.
  var local: SocketAddress? {
    var result: SocketAddress?
    control.forEach { message in
      switch (message.level, message.type) {
      case (ControlMessage.ip, ControlMessage.ipPacketInfo):
        // struct in_pktinfo: the interface, the address of this host, the one in the header.
        guard let address = message.load(8, as: UInt32.self) else { return true }
        result = SocketAddress(ipv4: UInt32(bigEndian: address), port: localPort)
        return false
      case (ControlMessage.ipv6, ControlMessage.ipv6PacketInfo):
        // struct in6_pktinfo: the address in the header, the interface.
        guard let bytes = unsafe message.bytes(0, 16), let interface = message.load(16, as: UInt32.self) else {
          return true
        }
        let address = unsafe SocketAddress(ipv6: bytes, port: localPort, scope: 0)
        result = (try? address.with(scope: address.isLinkLocal ? interface : 0))?.unmapped
        return false
      default: return true
      }
    }
    return result
  }

  /// The address that a reply goes out from; nil where the kernel is to choose, also because a group's address is nobody's.
  var source: SocketAddress? {
    if let message = control.first(ControlMessage.ip, ControlMessage.ipPacketInfo),
      let address = message.load(4, as: UInt32.self)
    {
      // The address of this host for what was sent to a group, or to all.
      return SocketAddress(ipv4: UInt32(bigEndian: address), port: localPort)
    }
    guard let local, !local.isMulticast else { return nil }
    return local
  }

  // MARK: Its end

  /// The bytes alone. Descriptors that nobody has taken are closed.
  func takePayload() -> DetachedView {
    closeDescriptors()
    var payload = view
    payload.removePrefix(layout.payloadOffset)
    return payload
  }

  /// Gives the slot back, and closes descriptors that nobody has taken.
  func release() {
    closeDescriptors()
    view.releaseReader()
  }

  /// Takes the descriptors: they are the caller's.
  mutating func takeDescriptors() -> [Int32] {
    guard flags.contains(.hasDescriptors) else { return [] }
    flags.remove(.hasDescriptors)
    return descriptors
  }

  /// Closes the descriptors beyond so many, which nobody asked for. The kernel fills the room that is left in the control
  /// area with them.
  mutating func keepDescriptors(atMost limit: Int) {
    let all = descriptors
    guard all.count > limit else { return }
    for descriptor in all[max(0, limit)...] { Glibc.close(descriptor) }
    descriptorLimit = UInt8(truncatingIfNeeded: min(max(0, limit), DescriptorList.maximumCount))
    flags.insert(.isControlTruncated)
    if limit <= 0 { flags.remove(.hasDescriptors) }
  }

  private var descriptors: [Int32] {
    var found: [Int32] = []
    control.forEach { message in
      guard message.level == ControlMessage.socket, message.type == ControlMessage.rights else { return true }
      for place in 0..<message.count / 4 {
        guard found.count < Int(descriptorLimit) else { return false }
        if let descriptor = message.load(place * 4, as: Int32.self) { found.append(descriptor) }
      }
      return true
    }
    return found
  }

  private func closeDescriptors() {
    if flags.contains(.hasDescriptors) { for descriptor in descriptors { Glibc.close(descriptor) } }
  }
}
