internal import CLiburing
internal import Glibc
internal import IOBuffers

/// One datagram socket of a loop, at a fixed place that is used again.
@safe
struct DatagramRecord: ~Copyable {
  // Why the pointers hold: `header` and the vector behind it are there from `init` to `deinit`, and the kernel's while a
  // receive is armed; `sink` has a reference that `open` counted and `retire` gives up.
  let index: UInt32
  var generation: UInt32 = 0
  var descriptor: Int32 = -1
  var flags: Flags = []
  var sink: Unmanaged<DatagramSink>?
  let header: UnsafeMutablePointer<msghdr>
  private let vector: UnsafeMutablePointer<iovec>

  var layout = MessageLayout(nameBytes: 0, controlBytes: 0)
  /// Which size of slot.
  var slots = 0
  /// Without multishot receives: the slot that the kernel has.
  var slot: DetachedView?
  /// Of the arena: who is charged while slots are scarce.
  var account: UInt32 = 0
  /// What the kernel has dropped because the socket's queue was full, as far as it said so.
  var kernelDrops: UInt32 = 0

  var family = SocketAddress.Family.ipv4
  var local: SocketAddress?
  var peer: SocketAddress?
  var localPort: UInt16 = 0
  var file: UnixSocketFile?
  var maximumDescriptors = 0

  var sendFlags: Int32 = 0
  var sendsInFlight = 0
  var sendBytes = 0
  /// Of those in flight: the ones that wait for room, by their places.
  var blocked: [UInt32] = []
  var sendLimit = 0
  var sendByteLimit = 0
  /// Larger segments than this are not the kernel's to cut.
  var largestSegment = Int.max
  var failure: SocketError?

  var nextDirty = DatagramRecord.none
  static let none: UInt32 = .max

  struct Flags: OptionSet, Sendable {
    let rawValue: UInt16
    static let isOpen = Flags(rawValue: 1)
    static let isDirty = Flags(rawValue: 2)
    /// The kernel has a receive.
    static let receiveArmed = Flags(rawValue: 4)
    static let receiveCancelling = Flags(rawValue: 8)
    /// Its receive found no slot.
    static let isStarved = Flags(rawValue: 16)
    /// It holds its share while slots are scarce.
    static let isOverShare = Flags(rawValue: 32)
    /// The user wants no more for the moment.
    static let isPaused = Flags(rawValue: 64)
    static let isClosing = Flags(rawValue: 128)
    /// Sends that are with the kernel are not waited for any more.
    static let isAborting = Flags(rawValue: 256)
    static let closeSubmitted = Flags(rawValue: 512)
    static let isConnected = Flags(rawValue: 1024)
    /// A send was refused, and somebody may wait for room.
    static let isFull = Flags(rawValue: 2048)
    static let sendsCancelled = Flags(rawValue: 4096)
    /// The kernel has a poll for room to send.
    static let outputPolled = Flags(rawValue: 8192)
  }

  init(index: UInt32) {
    self.index = index
    unsafe header = .allocate(capacity: 1)
    unsafe header.initialize(to: msghdr())
    unsafe vector = .allocate(capacity: 1)
    unsafe vector.initialize(to: iovec())
  }

  deinit {
    unsafe header.deallocate()
    unsafe vector.deallocate()
  }

  func operation(_ kind: OperationKind) -> UInt64 {
    OperationID(kind, index: index, generation: generation).rawValue
  }

  /// Whether a receive should be with the kernel.
  var wantsReceive: Bool {
    flags.isDisjoint(with: [.isPaused, .isClosing, .isStarved, .isOverShare]) && flags.contains(.isOpen)
  }

  var acceptsSends: Bool { flags.contains(.isOpen) && flags.isDisjoint(with: [.isClosing]) }

  /// Names the areas of the slots to come: all that a multishot receive looks at.
  func describeAreas() {
    unsafe header.pointee = msghdr()
    unsafe header.pointee.msg_namelen = socklen_t(layout.nameBytes)
    unsafe header.pointee.msg_controllen = Int(layout.controlBytes)
  }

  /// Names the areas of one slot, for a receive that fills it as a multishot receive would have.
  func describe(_ slot: DetachedView) {
    // Inside of the slot, which has room for the layout and more, and which the record keeps until the completion.
    unsafe vector.pointee = iovec(
      iov_base: slot.base + layout.payloadOffset,
      iov_len: Int(slot.count) - layout.payloadOffset
    )
    unsafe header.pointee = msghdr()
    unsafe header.pointee.msg_name = slot.base + MessageHeader.bytes
    unsafe header.pointee.msg_namelen = socklen_t(layout.nameBytes)
    unsafe header.pointee.msg_control = slot.base + layout.controlOffset
    unsafe header.pointee.msg_controllen = Int(layout.controlBytes)
    unsafe header.pointee.msg_iov = vector
    unsafe header.pointee.msg_iovlen = 1
  }

  /// What recvmsg(2) said of a slot that was described.
  func received(_ payloadLength: UInt32) -> MessageHeader {
    unsafe MessageHeader(
      nameLength: header.pointee.msg_namelen,
      controlLength: UInt32(truncatingIfNeeded: header.pointee.msg_controllen),
      payloadLength: payloadLength,
      flags: UInt32(bitPattern: header.pointee.msg_flags)
    )
  }

  /// A life ends: late completions find nothing. What is in the list of those that are to be settled stays there.
  mutating func clear() {
    generation = (generation &+ 1) & OperationID.generationMask
    descriptor = -1
    flags.formIntersection(.isDirty)
    unsafe sink = nil
    layout = MessageLayout(nameBytes: 0, controlBytes: 0)
    slot = nil
    account = 0
    kernelDrops = 0
    (local, peer, file, failure) = (nil, nil, nil, nil)
    localPort = 0
    maximumDescriptors = 0
    sendsInFlight = 0
    sendBytes = 0
    blocked = []
    largestSegment = .max
  }
}
