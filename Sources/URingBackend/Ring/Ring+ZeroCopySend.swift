import CLiburing

// Zero-copy sends: io_uring_prep_send_zc(3). Two completions carry `userData`: the result, and, where that one has
// `hasMore`, a notification once the kernel no longer looks at the bytes; they stay as they are until then, also after
// a failure. Every one asks for a report on whether the kernel copied the bytes nevertheless. Both need
// ``KernelFeature/zeroCopySend``. Why the entries hold: as in `Ring+Submissions.swift`.

extension Ring {
  /// Sends bytes out of the memory where they are. Parameters as of ``prepareSend(_:base:count:flags:userData:)``.
  func prepareZeroCopySend(
    _ descriptor: Int32,
    base: UnsafeRawPointer,
    count: Int,
    flags: Int32,
    userData: UInt64
  ) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_send_zc(entry, descriptor, base, count, flags, SLUICE_SEND_ZC_REPORT_USAGE)
    unsafe entry.pointee.user_data = userData
    return true
  }

  /// The same for the vectors that a message header names. The header and its vectors stay valid until the result, the
  /// bytes until the notification.
  func prepareZeroCopySendVector(
    _ descriptor: Int32,
    message: UnsafePointer<msghdr>,
    flags: Int32,
    userData: UInt64
  ) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_sendmsg_zc(entry, descriptor, message, UInt32(bitPattern: flags))
    unsafe entry.pointee.ioprio = UInt16(SLUICE_SEND_ZC_REPORT_USAGE)
    unsafe entry.pointee.user_data = userData
    return true
  }
}

extension Completion {
  /// Of a notification: the kernel copied bytes of the send after all, or never came to send any.
  var wasCopied: Bool { UInt32(bitPattern: result) & SLUICE_NOTIFICATION_USAGE_COPIED != 0 }
}
