import CLiburing
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a zero-copy send still has to say.
struct PendingNotification {
  var userData: UInt64
  var descriptor: Int32
  /// Of the descriptor's use.
  var generation: UInt32
  var wasCopied: Bool
  /// It does not come before the socket is closed: the peer acknowledges nothing.
  var waitsForClose: Bool
}

/// Zero-copy sends: io_uring_prep_send_zc(3). A simulated kernel takes them, which has copied the bytes long before it says so:
/// what is tested is what a program does until then. Elsewhere nothing is left of this.
extension UserSpaceRing {
  mutating func beginZeroCopySend(_ entry: UnsafePointer<io_uring_sqe>, _ kind: Operation.Kind) {
    var operation = unsafe Operation(entry, kind)
    if system.chooses(.refusesZeroCopy) { return post(operation.userData, -Errno.noMemory.rawValue) }
    operation.isZeroCopy = true
    rules.readings[operation.userData] = Self.memory(of: operation)
    begin(operation)
  }

  /// Where the bytes lie.
  private static func memory(of operation: borrowing Operation) -> [BufferGroup.Buffer] {
    // The caller's memory, or its header with `msg_iovlen` parts: there while the submission is taken.
    let count = operation.count
    if operation.kind == .send {
      guard let base = unsafe UnsafeMutableRawPointer(bitPattern: UInt(operation.address)) else { return [] }
      return unsafe [BufferGroup.Buffer(base: base, count: count)]
    }
    guard let message = unsafe UnsafePointer<msghdr>(bitPattern: UInt(operation.address)) else { return [] }
    return unsafe (0..<Int(message.pointee.msg_iovlen)).compactMap { index in
      guard let part = unsafe message.pointee.msg_iov?[index], let base = unsafe part.iov_base else { return nil }
      return unsafe BufferGroup.Buffer(base: base, count: part.iov_len)
    }
  }

  /// Posts the result of a zero-copy send, which says whether a notification follows.
  mutating func zeroCopySendEnded(_ userData: UInt64, _ descriptor: Int32, _ result: Int32) {
    let owes = result >= 0 || system.chooses(.owesAfterFailure)
    post(userData, result, flags: owes ? SLUICE_CQE_MORE : 0)
    guard owes, let state = unsafe descriptors.state(of: descriptor) else { return rules.readings[userData] = nil }
    notifications.append(
      PendingNotification(
        userData: userData,
        descriptor: descriptor,
        generation: unsafe state.pointee.generation,
        // The kernel calls copied what it never came to send.
        wasCopied: result < 0 || system.chooses(.copiesNevertheless),
        waitsForClose: system.chooses(.notifiesAtClose)
      )
    )
  }

  /// Posts the notifications whose time has come, in whatever order that is.
  @inline(__always)
  mutating func notify() {
    guard System.sendsWithoutCopy, !notifications.isEmpty else { return }
    var left: [PendingNotification] = []
    for var notification in notifications {
      if let state = unsafe descriptors.state(of: notification.descriptor),
        unsafe state.pointee.generation != notification.generation
      {
        notification.waitsForClose = false
      }
      if notification.waitsForClose || system.chooses(.delaysNotification) {
        left.append(notification)
        continue
      }
      let usage = notification.wasCopied ? SLUICE_NOTIFICATION_USAGE_COPIED : 0
      rules.readings[notification.userData] = nil
      post(notification.userData, Int32(bitPattern: usage), flags: SLUICE_CQE_NOTIFICATION)
    }
    notifications = left
  }
}
