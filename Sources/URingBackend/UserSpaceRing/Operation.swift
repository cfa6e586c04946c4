import CLiburing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A submission that may have to wait, read out of its entry.
@safe
struct Operation {
  enum Kind: UInt8 {
    case receive
    /// Into memory that the submission names.
    case receiveInto
    case accept
    case read
    case send
    case sendVector
    case connect
    case poll
    /// Datagrams into provided buffers, until it ends.
    case receiveMessages
    /// One datagram, as recvmsg(2) does.
    case receiveMessage
    /// One datagram that says where it goes, or more.
    case sendMessage
  }

  /// What the completions carry.
  var userData: UInt64
  var descriptor: Int32
  var kind: Kind
  /// Goes on after a completion.
  var isMultishot = false
  /// A send whose memory is read until a notification says otherwise.
  var isZeroCopy = false
  /// A connect was begun, and only its outcome is awaited.
  var isUnderWay = false
  #if SLUICE_PLANTED_FAULTS
    /// Its completion was posted before it was done.
    var isReported = false
  #else
    var isReported: Bool {
      get { false }
      set {}
    }
  #endif
  /// No list has it any more; its last completion follows.
  var isCancelled = false
  /// When it began to wait, by counting. Of two that an error ends the later one meets it, as in the kernel.
  var armed: UInt64 = 0
  /// The group of provided buffers.
  var group: UInt16 = 0
  /// Flags of send(2) or accept4(2), or the events of poll(2).
  var flags: UInt32 = 0
  /// Of the memory to read into or send from, of a message header, or of an address.
  var address: UInt64 = 0
  /// Bytes of that memory; for a receive, the most to take at once, 0 for what the buffer holds; for one of datagrams, room
  /// for the name.
  var count = 0
  /// Room for control messages.
  var controlCount = 0
  /// Bytes that were received or sent.
  var progress = 0
  /// A receive ends once it has delivered so many bytes; 0: never for that.
  var limit: UInt32 = 0
  /// The vectors that a vectored send has left to send: a copy, made when it has to wait.
  var vectors: UnsafeMutablePointer<iovec>?
  var vectorCount = 0

  /// The next one that waits on the same side of the descriptor, or the next free place.
  var next = OperationTable.none
  /// The next one in the same bucket of the table.
  var chain = OperationTable.none

  init(_ entry: UnsafePointer<io_uring_sqe>, _ kind: Kind) {
    userData = unsafe entry.pointee.user_data
    descriptor = unsafe entry.pointee.fd
    self.kind = kind
    flags = unsafe UInt32(truncatingIfNeeded: entry.pointee.msg_flags)
    address = unsafe entry.pointee.addr
    count = unsafe Int(entry.pointee.len)
  }

  /// A copy of what a message header has left to send: the kernel lets go of header and vectors when it has taken the
  /// submission, and so must we.
  mutating func keepVectors(from message: UnsafePointer<msghdr>) {
    let count = unsafe Int(message.pointee.msg_iovlen)
    let copy = UnsafeMutablePointer<iovec>.allocate(capacity: max(count, 1))
    if let source = unsafe message.pointee.msg_iov { unsafe copy.initialize(from: source, count: count) }
    unsafe vectors = copy
    vectorCount = count
    trimVectors(progress)
  }

  /// Takes what was sent off the front of the copied vectors.
  mutating func trimVectors(_ count: Int) {
    guard let vectors = unsafe vectors else { return }
    var left = count
    var first = 0
    while first < vectorCount, unsafe vectors[first].iov_len <= left {
      unsafe left -= vectors[first].iov_len
      first += 1
    }
    if first > 0 {
      let rest = vectorCount - first
      unsafe vectors.update(from: vectors + first, count: rest)
      vectorCount = rest
    }
    if left > 0, vectorCount > 0, let base = unsafe vectors[0].iov_base {
      unsafe vectors[0] = iovec(iov_base: base + left, iov_len: vectors[0].iov_len - left)
    }
  }

  /// Gives the copy back.
  mutating func dropVectors() {
    unsafe vectors?.deallocate()
    unsafe vectors = nil
  }
}
