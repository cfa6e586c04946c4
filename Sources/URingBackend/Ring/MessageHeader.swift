/// What stands in front of a received datagram: `struct io_uring_recvmsg_out` of io_uring(7), four words of 32 bits.
///
/// Behind it come an area for the name and one for control messages, each as large as the submission said, then the bytes.
struct MessageHeader: BitwiseCopyable, Sendable {
  /// Bytes of the name, as it is; more than its area has room for if it was cut.
  var nameLength: UInt32
  /// Bytes of control messages that are there.
  var controlLength: UInt32
  /// Bytes of the datagram that are there.
  var payloadLength: UInt32
  /// `MSG_TRUNC`, `MSG_CTRUNC` and others of recvmsg(2).
  var flags: UInt32

  /// The size of the header.
  static var bytes: Int { 16 }

  init(nameLength: UInt32, controlLength: UInt32, payloadLength: UInt32, flags: UInt32) {
    self.nameLength = nameLength
    self.controlLength = controlLength
    self.payloadLength = payloadLength
    self.flags = flags
  }

  /// Reads it. There must be ``bytes`` bytes, on whatever address.
  init(_ base: UnsafeRawPointer) {
    // The caller says that they are there.
    unsafe nameLength = base.loadUnaligned(as: UInt32.self)
    unsafe controlLength = base.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
    unsafe payloadLength = base.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
    unsafe flags = base.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
  }

  /// Writes it. There must be room for ``bytes`` bytes.
  func write(to base: UnsafeMutableRawPointer) {
    // The caller says that there is room.
    unsafe base.storeBytes(of: nameLength, as: UInt32.self)
    unsafe base.storeBytes(of: controlLength, toByteOffset: 4, as: UInt32.self)
    unsafe base.storeBytes(of: payloadLength, toByteOffset: 8, as: UInt32.self)
    unsafe base.storeBytes(of: flags, toByteOffset: 12, as: UInt32.self)
  }
}
