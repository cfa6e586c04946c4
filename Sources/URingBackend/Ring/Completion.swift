import CLiburing

/// One completion queue entry, copied out of the queue: io_uring(7), "completion queue entry".
struct Completion: BitwiseCopyable, Sendable {
  /// What the submission carried, unchanged.
  let userData: UInt64
  /// Zero or more on success (its meaning is the operation's), a negative errno value on failure.
  let result: Int32
  /// `IORING_CQE_F_*`, and the buffer id in the upper half.
  let flags: UInt32

  /// More completions of the same submission follow: a multishot operation stays armed, or a notification is owed.
  @inline(__always)
  var hasMore: Bool { flags & SLUICE_CQE_MORE != 0 }

  /// This is not a result: the kernel no longer looks at the memory of an earlier zero-copy send.
  @inline(__always)
  var isNotification: Bool { flags & SLUICE_CQE_NOTIFICATION != 0 }

  /// The socket held more bytes when the receive ended.
  @inline(__always)
  var socketHasMore: Bool { flags & SLUICE_CQE_SOCKET_NONEMPTY != 0 }

  /// The completion names a provided buffer. May be so for an error too.
  @inline(__always)
  var hasBuffer: Bool { flags & SLUICE_CQE_BUFFER != 0 }

  /// The id of the provided buffer that the kernel filled, if one was taken. Not a position in its ring.
  @inline(__always)
  var bufferID: UInt16? { hasBuffer ? UInt16(truncatingIfNeeded: flags &>> SLUICE_CQE_BUFFER_SHIFT) : nil }

  /// The kernel goes on filling the same provided buffer (incremental rings only): it is still the kernel's.
  @inline(__always)
  var bufferHasMore: Bool { flags & SLUICE_CQE_BUFFER_MORE != 0 }
}
