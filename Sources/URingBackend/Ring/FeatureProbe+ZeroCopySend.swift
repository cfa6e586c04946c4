import CLiburing
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension FeatureProbe {
  /// Zero-copy sends of one piece and of several, with the report on their use.
  ///
  /// They are tried on a TCP socket that is connected to nothing. A kernel that knows them says just that, and may owe a
  /// notification for it; one that does not calls the submission invalid. Unix sockets do not support them at all.
  func probeZeroCopySend() throws(RingError) {
    let version4 = makeTCPSocket(AF_INET)
    let socket = version4 >= 0 ? version4 : makeTCPSocket(AF_INET6)
    guard socket >= 0 else {
      features.record(.zeroCopySend, error: errno)
      return
    }
    sockets.append(FileDescriptor(rawValue: socket))
    // `base` is valid until the last completion: see `trySend`.
    var error = try unsafe trySend { base, flags, userData in
      unsafe ring.prepareZeroCopySend(socket, base: base, count: Self.slotBytes, flags: flags, userData: userData)
    }
    if error == 0 {
      error = try unsafe trySend { base, flags, userData in
        // Vector and header are variables of this closure, which submits before it ends: the kernel copies them then.
        var vector = unsafe iovec(iov_base: UnsafeMutableRawPointer(mutating: base), iov_len: Self.slotBytes)
        return unsafe withUnsafeMutablePointer(to: &vector) { vector in
          var message = unsafe msghdr()
          unsafe message.msg_iov = vector
          unsafe message.msg_iovlen = 1
          guard
            unsafe ring.prepareZeroCopySendVector(socket, message: &message, flags: flags, userData: userData)
          else { return false }
          // The header is read while the kernel takes the submission, so it does so here.
          ring.flush()
          return true
        }
      }
    }
    features.record(.zeroCopySend, error: error)
  }

  /// 0 if the kernel tried to send, and errors other than the socket's state stayed away.
  private func trySend(_ prepare: (UnsafeRawPointer, Int32, UInt64) -> Bool) throws(RingError) -> Int32 {
    // The kernel only reads them, and sends them nowhere: the socket is connected to nothing. They stay until the last
    // completion, or until a kernel that forgot it has had a quarter of a second.
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: Self.slotBytes, alignment: Self.slotBytes)
    defer { unsafe bytes.deallocate() }
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0x53, count: Self.slotBytes)
    let userData = makeUserData()
    guard unsafe prepare(UnsafeRawPointer(bytes), Int32(MSG_NOSIGNAL), userData) else { return EAGAIN }
    guard let result = try completion(of: userData) else { return ETIME }
    if result.hasMore {
      guard let notification = try completion(of: userData), notification.isNotification else { return ETIME }
    }
    // Who sends relies on that order.
    if result.isNotification { return EOPNOTSUPP }
    switch Errno(rawValue: -result.result) {
    case .brokenPipe, .socketNotConnected: return 0
    case let error: return result.result < 0 ? error.rawValue : EOPNOTSUPP
    }
  }

  private func makeTCPSocket(_ family: Int32) -> Int32 {
    socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
  }
}
