internal import CLiburing
internal import Glibc
internal import SystemPackage

/// What the kernel knows about a connection, asked when something depends on it: never once per message.
extension Socket {
  /// Looks at the input without taking anything: recv(2) with MSG_PEEK. An error that it reports is taken.
  static func inputState(of descriptor: Int32) -> SocketInputState {
    var byte: UInt8 = 0
    while true {
      // The kernel writes into a variable that outlives the call. So below.
      let count = unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
      if count > 0 { return .bytes }
      if count == 0 { return .ended }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .nothing
      case let error: return .failed(Errno(rawValue: error))
      }
    }
  }

  /// Takes the error that a poll has reported: SO_ERROR, socket(7). Nil where there is none.
  static func takeError(of descriptor: Int32) -> Errno? {
    var error: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    let code = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
    return code != 0 || error == 0 ? nil : Errno(rawValue: error)
  }

  /// Bytes that the peer has acknowledged so far, or nil where the kernel does not say: `tcpi_bytes_acked`, tcp(7).
  static func acknowledgedBytes(of descriptor: Int32) -> UInt64? {
    // struct tcp_info of linux/tcp.h; the C library's ends before this field.
    let offset = 120
    return unsafe withUnsafeTemporaryAllocation(byteCount: 192, alignment: 8) { info -> UInt64? in
      guard let base = info.baseAddress else { return nil }
      var length = socklen_t(info.count)
      let code = unsafe getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, base, &length)
      guard code == 0, Int(length) >= offset + MemoryLayout<UInt64>.size else { return nil }
      return unsafe base.load(fromByteOffset: offset, as: UInt64.self)
    }
  }

  /// Bytes that were sent and that the peer has not acknowledged, a FIN counting as one: SIOCOUTQ, tcp(7).
  static func unacknowledgedBytes(of descriptor: Int32) -> Int {
    var count: Int32 = 0
    guard unsafe ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 else { return 0 }
    return Int(count)
  }

  /// Whether there is still somebody on the other side.
  ///
  /// A Unix socket keeps its peer's name when the peer is gone, and tells by POLLHUP: it stands for the end of both
  /// directions, so this side must not have ended its own.
  static func hasPeer(_ descriptor: Int32) -> Bool {
    guard let peer = peerAddress(of: descriptor) else { return false }
    guard peer.family == .unix else { return true }
    var entry = pollfd(fd: descriptor, events: 0, revents: 0)
    return unsafe poll(&entry, 1, 0) <= 0 || entry.revents & Int16(POLLHUP) == 0
  }

  /// SO_PEERCRED, unix(7): of the process that connected, or that listened, as they were then. On other sockets the kernel
  /// answers, too, but says nothing.
  static func peerCredentials(of descriptor: Int32) -> PeerCredentials? {
    var domain: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    // Each call writes as many bytes as it is told that there are.
    guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0, domain == AF_UNIX else {
      return nil
    }
    // struct ucred: pid_t, uid_t, gid_t, 32 bits each; the C library shows it with _GNU_SOURCE alone.
    var identity: (pid: Int32, user: UInt32, group: UInt32) = (0, 0, 0)
    length = socklen_t(MemoryLayout.size(ofValue: identity))
    guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &identity, &length) == 0 else { return nil }
    return PeerCredentials(processID: identity.pid, userID: identity.user, groupID: identity.group)
  }
}
