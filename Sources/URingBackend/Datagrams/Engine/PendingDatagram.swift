internal import CLiburing
internal import Glibc
internal import IOBuffers

/// A datagram that is with the kernel, or about to be: its view, and a place of its own for what sendmsg(2) reads.
///
/// The header, the address and the control messages stay where they are until the completion, because the kernel may look at
/// the control messages as late as that. The place is made once and used again and again.
@safe
struct PendingDatagram: ~Copyable {
  // Why the pointer holds: `place` has `bytes` bytes from `init` to `deinit`, which only what stands below uses, at
  // distances that keep its parts apart and aligned; the header names them. One thread uses it, and the kernel while the
  // datagram is with it.
  private let place: UnsafeMutableRawPointer

  let index: UInt32
  var generation: UInt32 = 0
  /// The next free one.
  var next: UInt32 = DatagramSends.none
  /// Locks the bytes.
  var view: DetachedView?
  /// The socket's record.
  var socket: UInt32 = 0
  /// Goes out with a header; otherwise with the bytes alone.
  var hasHeader = false
  /// Bytes of each datagram that the kernel cuts the bytes into; 0: it does not.
  var segment: UInt16 = 0
  /// Failed once for what an earlier one had met.
  var wasRetried = false
  /// Control messages that are too large for the place.
  private var ownControl: UnsafeMutableRawPointer?
  /// Descriptors that are passed: ours, until the kernel has its own references.
  private var descriptors: [Int32] = []

  private static var vectorOffset: Int { 64 }
  private static var nameOffset: Int { 80 }
  private static var controlOffset: Int { nameOffset + SocketAddress.kernelFormBytes }
  /// Room for a packet info, a traffic class and a segment size, of either family.
  private static var controlRoom: Int { 40 + 24 + 24 }
  private static var bytes: Int { controlOffset + controlRoom }

  init(index: Int) {
    self.index = UInt32(truncatingIfNeeded: index)
    unsafe place = .allocate(byteCount: PendingDatagram.bytes, alignment: 16)
    unsafe place.initializeMemory(as: UInt8.self, repeating: 0, count: PendingDatagram.bytes)
    let vector = unsafe (place + PendingDatagram.vectorOffset).bindMemory(to: iovec.self, capacity: 1)
    unsafe vector.initialize(to: iovec())
    let header = unsafe place.bindMemory(to: msghdr.self, capacity: 1)
    unsafe header.initialize(to: msghdr())
    unsafe header.pointee.msg_iov = vector
    unsafe header.pointee.msg_iovlen = 1
  }

  deinit {
    unsafe ownControl?.deallocate()
    unsafe place.deallocate()
  }

  /// What the submission names.
  var header: UnsafeMutablePointer<msghdr> { unsafe place.assumingMemoryBound(to: msghdr.self) }

  var operation: OperationID { OperationID(.sendDatagram, index: index, generation: generation) }

  // MARK: Filling

  /// Names the bytes and the address.
  @inline(__always)
  mutating func fill(_ view: DetachedView, to address: SocketAddress?) {
    // The view stays in `view` until the completion.
    let vector = unsafe (place + PendingDatagram.vectorOffset).assumingMemoryBound(to: iovec.self)
    unsafe vector.pointee = iovec(iov_base: view.base, iov_len: Int(view.count))
    let header = unsafe header
    if let address {
      let name = unsafe place + PendingDatagram.nameOffset
      unsafe header.pointee.msg_name = name
      unsafe header.pointee.msg_namelen = socklen_t(address.writeKernelForm(to: name))
    } else {
      unsafe header.pointee.msg_name = nil
      unsafe header.pointee.msg_namelen = 0
    }
    unsafe header.pointee.msg_control = nil
    unsafe header.pointee.msg_controllen = 0
  }

  /// Adds control messages: the address that it goes out from, its ECN codepoint, the size that it is cut into. Once, and
  /// each of them once.
  mutating func addControl(from local: SocketAddress?, ecn: ECNCodepoint?, isIPv6: Bool, segment: Int) {
    let base = unsafe place + PendingDatagram.controlOffset
    var end = unsafe base
    if let local {
      if local.family == .ipv6 {
        let data = unsafe ControlMessage.write(ControlMessage.ipv6, ControlMessage.ipv6PacketInfo, bytes: 20, to: end)
        unsafe local.writeIPv6Host(to: data)
        // The interface of a link-local address; otherwise the routes decide.
        unsafe data.storeBytes(of: local.scope, toByteOffset: 16, as: UInt32.self)
        unsafe end += ControlMessage.space(20)
      } else if local.family == .ipv4 {
        let data = unsafe ControlMessage.write(ControlMessage.ip, ControlMessage.ipPacketInfo, bytes: 12, to: end)
        unsafe data.storeBytes(of: 0, as: UInt32.self)
        unsafe data.storeBytes(of: local.ipv4Host.bigEndian, toByteOffset: 4, as: UInt32.self)
        unsafe data.storeBytes(of: 0, toByteOffset: 8, as: UInt32.self)
        unsafe end += ControlMessage.space(12)
      }
    }
    if let ecn {
      let data =
        unsafe isIPv6
        ? ControlMessage.write(ControlMessage.ipv6, ControlMessage.ipv6TrafficClass, bytes: 4, to: end)
        : ControlMessage.write(ControlMessage.ip, ControlMessage.ipTypeOfService, bytes: 4, to: end)
      unsafe data.storeBytes(of: Int32(ecn.rawValue), as: Int32.self)
      unsafe end += ControlMessage.space(4)
    }
    if segment > 0 {
      let data = unsafe ControlMessage.write(ControlMessage.udp, ControlMessage.udpSegment, bytes: 2, to: end)
      unsafe data.storeBytes(of: UInt16(truncatingIfNeeded: segment), as: UInt16.self)
      unsafe end += ControlMessage.space(2)
    }
    let count = unsafe end - base
    guard count > 0 else { return }
    unsafe header.pointee.msg_control = base
    unsafe header.pointee.msg_controllen = count
  }

  /// Adds descriptors that are passed along (SCM_RIGHTS of unix(7)), which are this value's from here on.
  mutating func addDescriptors(_ passed: [Int32]) {
    let bytes = passed.count * 4
    let control = UnsafeMutableRawPointer.allocate(byteCount: ControlMessage.space(bytes), alignment: 16)
    unsafe control.initializeMemory(as: UInt8.self, repeating: 0, count: ControlMessage.space(bytes))
    let data = unsafe ControlMessage.write(ControlMessage.socket, ControlMessage.rights, bytes: bytes, to: control)
    for (place, descriptor) in passed.enumerated() {
      unsafe data.storeBytes(of: descriptor, toByteOffset: place * 4, as: Int32.self)
    }
    unsafe ownControl = control
    descriptors = passed
    unsafe header.pointee.msg_control = control
    unsafe header.pointee.msg_controllen = ControlMessage.space(bytes)
  }

  /// Where it was to go; nil: where the socket is connected to.
  var destination: SocketAddress? {
    // Written by `fill`.
    guard hasHeader, let name = unsafe header.pointee.msg_name else { return nil }
    return unsafe SocketAddress(kernelForm: UnsafeRawPointer(name), count: Int(header.pointee.msg_namelen))
  }

  /// What the control messages say, so that it can be sent in another way.
  var controlled: (local: SocketAddress?, ecn: ECNCodepoint?) {
    guard hasHeader, let base = unsafe header.pointee.msg_control else { return (nil, nil) }
    // Written by `addControl`, as long as it says.
    let control = unsafe ControlMessages(base: UnsafeRawPointer(base), count: Int(header.pointee.msg_controllen))
    var local: SocketAddress?
    var ecn: ECNCodepoint?
    control.forEach { message in
      switch (message.level, message.type) {
      case (ControlMessage.ip, ControlMessage.ipPacketInfo):
        local = message.load(4, as: UInt32.self).map { SocketAddress(ipv4: UInt32(bigEndian: $0), port: 0) }
      case (ControlMessage.ipv6, ControlMessage.ipv6PacketInfo):
        if let host = unsafe message.bytes(0, 16), let scope = message.load(16, as: UInt32.self) {
          local = unsafe SocketAddress(ipv6: host, port: 0, scope: scope)
        }
      case (ControlMessage.ip, ControlMessage.ipTypeOfService), (ControlMessage.ipv6, ControlMessage.ipv6TrafficClass):
        ecn = message.load(as: Int32.self).flatMap { ECNCodepoint(rawValue: UInt8(truncatingIfNeeded: $0)) }
      default: break
      }
      return true
    }
    return (local, ecn)
  }

  /// How many datagrams it is for the network.
  var datagramCount: UInt64 {
    guard segment > 0, let view else { return 1 }
    return (UInt64(view.count) + UInt64(segment) - 1) / UInt64(segment)
  }

  /// It is over: gives back what it has, except for the view.
  mutating func clear() {
    generation = (generation &+ 1) & OperationID.generationMask
    view = nil
    segment = 0
    wasRetried = false
    guard unsafe ownControl != nil else { return }
    unsafe ownControl?.deallocate()
    unsafe ownControl = nil
    for descriptor in descriptors { Glibc.close(descriptor) }
    descriptors = []
  }
}
