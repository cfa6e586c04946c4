import CLiburing
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Sends: io_uring_prep_send(3), io_uring_prep_sendmsg(3). With MSG_WAITALL a short one goes on by itself.
///
/// The result is what was sent, also where an error or a cancellation came behind it: that one meets the next send.
extension UserSpaceRing {
  mutating func attemptSend(_ operation: inout Operation, _ state: UnsafeMutablePointer<DescriptorState>) -> Attempt {
    guard let base = unsafe UnsafeRawPointer(bitPattern: UInt(operation.address)) else {
      return sendEnded(&operation, -Int(EFAULT))
    }
    for _ in 0..<Self.budget {
      let left = operation.count &- operation.progress
      let flags = Int32(bitPattern: operation.flags) & ~Int32(MSG_WAITALL)
      unsafe checkSent(operation, base + operation.progress, left)
      let count = unsafe system.send(operation.descriptor, base + operation.progress, left, flags: flags)
      if let result = unsafe sent(count, of: left, &operation, state) { return result }
    }
    return .hasMore
  }

  mutating func attemptSendVector(_ operation: inout Operation, _ state: UnsafeMutablePointer<DescriptorState>)
    -> Attempt
  {
    for _ in 0..<Self.budget {
      let flags = Int32(bitPattern: operation.flags) & ~Int32(MSG_WAITALL)
      let left: Int
      let count: Int
      if let vectors = unsafe operation.vectors {
        var message = unsafe msghdr()
        unsafe message.msg_iov = vectors
        unsafe message.msg_iovlen = .init(operation.vectorCount)
        left = unsafe Self.bytes(message)
        unsafe checkSent(operation, &message)
        count = unsafe system.sendVector(operation.descriptor, message: &message, flags: flags)
      } else if let message = unsafe UnsafePointer<msghdr>(bitPattern: UInt(operation.address)) {
        // The first try, while the submission is being taken: the header is still there.
        left = unsafe Self.bytes(message.pointee)
        unsafe checkSent(operation, message)
        count = unsafe system.sendVector(operation.descriptor, message: message, flags: flags)
        // The copy begins behind what this try sends; whatever goes on goes on with it.
        if count > 0, count < left { unsafe operation.keepVectors(from: message) }
      } else {
        return sendEnded(&operation, -Int(EFAULT))
      }
      if count > 0 { operation.trimVectors(count) }
      if let result = unsafe sent(count, of: left, &operation, state) {
        if result == .finished { operation.dropVectors() }
        return result
      }
    }
    return .hasMore
  }

  /// What one call came to. Nil: another one should follow.
  @inline(__always)
  private mutating func sent(
    _ count: Int,
    of left: Int,
    _ operation: inout Operation,
    _ state: UnsafeMutablePointer<DescriptorState>
  ) -> Attempt? {
    guard count >= 0 else {
      switch Int32(truncatingIfNeeded: -count) {
      case EAGAIN where operation.flags & UInt32(SLUICE_DONTWAIT) == 0:
        unsafe state.pointee.readiness.remove(.output)
        return .waits
      case EINTR: return nil
      default: return sendEnded(&operation, count)
      }
    }
    operation.progress &+= count
    if count == left || operation.flags & UInt32(MSG_WAITALL) == 0 {
      return sendEnded(&operation, 0)
    }
    if planted(.ringReportsShortSendAsWhole) {
      post(operation.userData, Int32(clamping: operation.progress &+ left &- count))
      return .finished
    }
    // The socket is full, and will report when it is not.
    unsafe state.pointee.readiness.remove(.output)
    return .waits
  }

  @inline(__always)
  private mutating func sendEnded(_ operation: inout Operation, _ error: Int) -> Attempt {
    let sent = operation.progress
    if operation.isReported { return .finished }
    let outcome = sent > 0 ? Int32(clamping: sent) : Int32(truncatingIfNeeded: error)
    if System.sendsWithoutCopy, operation.isZeroCopy {
      zeroCopySendEnded(operation.userData, operation.descriptor, outcome)
    } else {
      post(operation.userData, outcome)
    }
    return .finished
  }

  private static func bytes(_ message: msghdr) -> Int {
    var sum = 0
    for index in unsafe 0..<Int(message.msg_iovlen) { unsafe sum += message.msg_iov[index].iov_len }
    return sum
  }
}
