import CLiburing
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// Typed preparation of the operations that this package uses. Each takes an entry, fills it and returns true, or
// returns false when no entry could be had (see `Ring.nextSubmission()`). What pointers point to must stay valid until
// the operation's completion, which carries `userData`; the last completion of a multishot operation is the one without
// `hasMore`.
//
// Why the entries hold: `nextSubmission` gives the address of one that is in the queue and not yet published; each function
// fills it before it returns, on the ring's one thread, with liburing's own inline functions, and keeps no address. What a
// pointer that is passed in leads to is the caller's promise, and the reason why these are `unsafe` to call.

extension Ring {
  // MARK: Receive

  /// Receives into the provided buffers of `group` until cancelled, at the end of the stream, on an error, or when the
  /// group is empty (ENOBUFS; the data stays in the socket). Never with IORING_RECVSEND_POLL_FIRST: it may lose the end
  /// (docs/kernel-matrix.md). io_uring_prep_recv_multishot(3). Needs
  /// ``KernelFeature/multishotReceive``.
  /// - Parameters:
  ///   - limit: the operation ends by itself once it delivered this many bytes, overshooting by less than one buffer;
  ///     0 for no limit. Needs ``KernelFeature/receiveLimit``.
  func prepareReceiveMultishot(
    _ descriptor: Int32,
    group: UInt16,
    limit: UInt32,
    userData: UInt64
  ) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_recv_multishot(entry, descriptor, nil, 0, 0)
    unsafe selectBuffer(entry, group: group)
    // The headers of liburing 2.3 do not know `optlen`; it shares its place with `file_index`.
    unsafe entry.pointee.file_index = limit
    unsafe entry.pointee.user_data = userData
    return true
  }

  /// Receives once into a provided buffer of `group`, at most `length` bytes; 0 for as much as the buffer holds.
  /// io_uring_prep_recv(3).
  func prepareReceiveOnce(
    _ descriptor: Int32,
    group: UInt16,
    length: Int,
    userData: UInt64
  ) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_recv(entry, descriptor, nil, length, 0)
    unsafe selectBuffer(entry, group: group)
    unsafe entry.pointee.user_data = userData
    return true
  }

  /// Receives once into memory of the caller's, which stays valid until the completion. At most `count` bytes; whatever is
  /// there ends it. io_uring_prep_recv(3).
  func prepareReceive(
    _ descriptor: Int32,
    base: UnsafeMutableRawPointer,
    count: Int,
    userData: UInt64
  ) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_recv(entry, descriptor, base, count, 0)
    unsafe entry.pointee.user_data = userData
    return true
  }

  @inline(__always)
  private func selectBuffer(_ entry: UnsafeMutablePointer<io_uring_sqe>, group: UInt16) {
    unsafe entry.pointee.flags |= UInt8(SLUICE_SQE_BUFFER_SELECT)
    unsafe entry.pointee.buf_group = group
  }

  // MARK: Send

  /// Sends bytes. io_uring_prep_send(3).
  ///
  /// At most one send may be in flight on a socket: when the first of two is short, the second runs nevertheless, and
  /// the stream has a hole.
  /// - Parameter flags: of send(2), such as `MSG_NOSIGNAL`, and `MSG_WAITALL` to have the kernel go on after a short
  ///   send.
  func prepareSend(
    _ descriptor: Int32,
    base: UnsafeRawPointer,
    count: Int,
    flags: Int32,
    userData: UInt64
  ) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_send(entry, descriptor, base, count, flags)
    unsafe entry.pointee.user_data = userData
    return true
  }

  /// Sends the vectors that a message header names. The header and its vectors stay valid until the completion.
  /// io_uring_prep_sendmsg(3).
  func prepareSendVector(
    _ descriptor: Int32,
    message: UnsafePointer<msghdr>,
    flags: Int32,
    userData: UInt64
  ) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_sendmsg(entry, descriptor, message, UInt32(bitPattern: flags))
    unsafe entry.pointee.user_data = userData
    return true
  }

  // MARK: Connections

  /// Accepts connections until cancelled or failed; each completion is a descriptor, close-on-exec and blocking. A
  /// cancelled accept may still deliver one. io_uring_prep_multishot_accept(3). Needs
  /// ``KernelFeature/multishotAccept``.
  func prepareAcceptMultishot(_ descriptor: Int32, userData: UInt64) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_multishot_accept(entry, descriptor, nil, nil, closeOnExec)
    unsafe entry.pointee.user_data = userData
    return true
  }

  /// Accepts one connection, close-on-exec and blocking. io_uring_prep_accept(3).
  func prepareAcceptOnce(_ descriptor: Int32, userData: UInt64) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_accept(entry, descriptor, nil, nil, closeOnExec)
    unsafe entry.pointee.user_data = userData
    return true
  }

  /// Connects a socket. The address stays valid until the next enter returned, which copies it.
  /// io_uring_prep_connect(3).
  func prepareConnect(
    _ descriptor: Int32,
    address: UnsafePointer<sockaddr>,
    length: UInt32,
    userData: UInt64
  ) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_connect(entry, descriptor, address, length)
    unsafe entry.pointee.user_data = userData
    return true
  }

  /// Shuts a socket down: `how` is that of shutdown(2). io_uring_prep_shutdown(3).
  func prepareShutdown(_ descriptor: Int32, how: Int32, userData: UInt64) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_shutdown(entry, descriptor, how)
    unsafe entry.pointee.user_data = userData
    return true
  }

  /// Closes a descriptor. Operations that are armed on it stay armed: cancel them first. io_uring_prep_close(3).
  func prepareClose(_ descriptor: Int32, userData: UInt64) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_close(entry, descriptor)
    unsafe entry.pointee.user_data = userData
    return true
  }

  // MARK: Cancellation

  /// Asks for the end of the operation that was submitted as `target`. Its completion says how it ended; this one's
  /// says whether it was found (0, or -ENOENT, or -EALREADY). io_uring_prep_cancel64(3).
  func prepareCancel(target: UInt64, userData: UInt64) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_cancel64(entry, target, 0)
    unsafe entry.pointee.user_data = userData
    return true
  }

  /// Asks for the end of every operation on a descriptor. The result is how many were found.
  /// io_uring_prep_cancel_fd(3).
  func prepareCancelAll(_ descriptor: Int32, userData: UInt64) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_cancel_fd(entry, descriptor, SLUICE_CANCEL_ALL | SLUICE_CANCEL_FD)
    unsafe entry.pointee.user_data = userData
    return true
  }

  // MARK: Events

  /// Reads from an eventfd or a pipe. The buffer stays valid until the completion. io_uring_prep_read(3).
  func prepareReadEvent(
    _ descriptor: Int32,
    buffer: UnsafeMutableRawPointer,
    count: Int,
    userData: UInt64
  ) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    // -1 is the descriptor's own position: all that exists for files that cannot seek.
    unsafe io_uring_prep_read(entry, descriptor, buffer, UInt32(clamping: count), UInt64.max)
    unsafe entry.pointee.user_data = userData
    return true
  }

  /// Waits once until one of `events` (poll(2)) is there; the result is the set of events. io_uring_prep_poll_add(3).
  func preparePollAdd(_ descriptor: Int32, events: UInt32, userData: UInt64) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_poll_add(entry, descriptor, events)
    unsafe entry.pointee.user_data = userData
    return true
  }

  /// Does nothing and completes with 0. io_uring_prep_nop(3).
  func prepareNop(userData: UInt64) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_nop(entry)
    unsafe entry.pointee.user_data = userData
    return true
  }

  private var closeOnExec: Int32 { Int32(SOCK_CLOEXEC.rawValue) }
}
