import CLiburing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// Receiving datagrams: io_uring_prep_recvmsg(3). They are sent with `prepareSendVector` and `prepareSend`. Why the entries hold:
// as in `Ring+Submissions.swift`.

extension Ring {
  /// Receives datagrams into the provided buffers of `group`, one each, until cancelled, on an error, behind a datagram
  /// without bytes, or when the group is empty (ENOBUFS; the datagrams stay in the socket). Needs
  /// ``KernelFeature/multishotReceiveMessage``.
  ///
  /// What a buffer holds then: `struct io_uring_recvmsg_out`, room for the name and for control messages as large as the
  /// header says, the bytes. See ``MessageHeader``.
  /// - Parameters:
  ///   - header: of which `msg_namelen` and `msg_controllen` count. It stays valid until the submission is taken.
  ///   - flags: of recvmsg(2), such as `MSG_CMSG_CLOEXEC`.
  func prepareReceiveMessages(
    _ descriptor: Int32,
    header: UnsafePointer<msghdr>,
    group: UInt16,
    flags: Int32,
    userData: UInt64
  ) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    // The kernel takes it for a const pointer, and liburing 2.3 does not say so.
    let header = unsafe UnsafeMutablePointer(mutating: header)
    unsafe io_uring_prep_recvmsg_multishot(entry, descriptor, header, UInt32(bitPattern: flags))
    unsafe entry.pointee.flags |= UInt8(SLUICE_SQE_BUFFER_SELECT)
    unsafe entry.pointee.buf_group = group
    unsafe entry.pointee.user_data = userData
    return true
  }

  /// Receives one datagram as recvmsg(2) does. The header, and all that it names, stay valid until the completion.
  func prepareReceiveMessage(
    _ descriptor: Int32,
    header: UnsafeMutablePointer<msghdr>,
    flags: Int32,
    userData: UInt64
  ) -> Bool {
    guard let entry = unsafe nextSubmission() else { return false }
    unsafe io_uring_prep_recvmsg(entry, descriptor, header, UInt32(bitPattern: flags))
    unsafe entry.pointee.user_data = userData
    return true
  }
}
