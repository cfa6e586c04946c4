internal import CLiburing
internal import Glibc
internal import SystemPackage

/// Calls that pass descriptors over a Unix stream: SCM_RIGHTS, unix(7). None of them waits.
extension Socket {
  /// Room for as many descriptors as one message can have, so that none is cut off for want of it.
  private static var controlBytes: Int { ControlMessage.space(DescriptorList.maximumCount * 4) }

  /// FIONREAD: bytes that are there to be received.
  static func readableBytes(of descriptor: Int32) -> Int {
    var count: Int32 = 0
    return unsafe ioctl(descriptor, UInt(FIONREAD), &count) == 0 ? Int(count) : 0
  }

  /// recvmsg(2) with MSG_DONTWAIT and MSG_CMSG_CLOEXEC.
  ///
  /// - Parameter memory: where to; the caller's for the length of the call.
  /// - Returns: a negative errno value where nothing was received, and the descriptors, which are the caller's.
  static func receive(
    _ descriptor: Int32,
    into memory: UnsafeMutableRawBufferPointer
  ) -> ReceivedWithDescriptors {
    unsafe withUnsafeTemporaryAllocation(byteCount: controlBytes, alignment: 16) { control in
      var vector = unsafe iovec(iov_base: memory.baseAddress, iov_len: memory.count)
      var message = unsafe msghdr()
      unsafe message.msg_control = control.baseAddress
      unsafe message.msg_controllen = .init(control.count)
      // All of it outlives the call, and the kernel is told how much there is.
      let count = unsafe withUnsafeMutablePointer(to: &vector) { vector in
        unsafe message.msg_iov = vector
        unsafe message.msg_iovlen = 1
        while true {
          let count = unsafe recvmsg(descriptor, &message, Int32(MSG_DONTWAIT) | SLUICE_CMSG_CLOEXEC)
          if count >= 0 || errno != EINTR { return count < 0 ? -Int(errno) : count }
        }
      }
      guard count >= 0 else { return ReceivedWithDescriptors(count: count) }
      return unsafe ReceivedWithDescriptors(
        count: count,
        descriptors: control.baseAddress.map {
          unsafe rights(ControlMessages(base: UnsafeRawPointer($0), count: Int(message.msg_controllen)))
        } ?? [],
        isCut: message.msg_flags & Int32(MSG_CTRUNC) != 0
      )
    }
  }

  /// The descriptors in control messages, as the kernel writes them.
  private static func rights(_ control: ControlMessages) -> [Int32] {
    var found: [Int32] = []
    control.forEach { message in
      guard message.level == ControlMessage.socket, message.type == ControlMessage.rights else { return true }
      for offset in stride(from: 0, through: message.count - 4, by: 4) {
        if let descriptor = message.load(offset, as: Int32.self) { found.append(descriptor) }
      }
      return true
    }
    return found
  }

  /// sendmsg(2) with MSG_DONTWAIT, with descriptors at the first byte; may be short. The descriptors stay the caller's.
  ///
  /// - Parameters:
  ///   - memory: at least one byte; the caller's for the length of the call.
  ///   - passed: at most ``DescriptorList/maximumCount``.
  /// - Returns: how many bytes were sent, all descriptors with the first of them; or a negative errno value.
  static func send(_ descriptor: Int32, _ memory: UnsafeRawBufferPointer, passing passed: [Int32]) -> Int {
    unsafe withUnsafeTemporaryAllocation(byteCount: controlBytes, alignment: 16) { control in
      guard passed.count <= DescriptorList.maximumCount, let base = control.baseAddress else { return -Int(EINVAL) }
      let bytes = passed.count * 4
      unsafe control.initializeMemory(as: UInt8.self, repeating: 0)
      // Within `controlBytes`, as was just tested.
      let data = unsafe ControlMessage.write(ControlMessage.socket, ControlMessage.rights, bytes: bytes, to: base)
      for (place, one) in passed.enumerated() {
        unsafe data.storeBytes(of: one, toByteOffset: place * 4, as: Int32.self)
      }
      // The kernel reads the bytes only.
      var vector = unsafe iovec(iov_base: UnsafeMutableRawPointer(mutating: memory.baseAddress), iov_len: memory.count)
      var message = unsafe msghdr()
      unsafe message.msg_control = base
      unsafe message.msg_controllen = .init(ControlMessage.space(bytes))
      return unsafe withUnsafeMutablePointer(to: &vector) { vector in
        unsafe message.msg_iov = vector
        unsafe message.msg_iovlen = 1
        while true {
          let count = unsafe sendmsg(descriptor, &message, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
          if count >= 0 || errno != EINTR { return count < 0 ? -Int(errno) : count }
        }
      }
    }
  }
}

/// What one receive of a Unix stream brought.
package struct ReceivedWithDescriptors: Sendable {
  /// Bytes; zero at the end of the stream; or a negative errno value.
  package var count: Int
  /// Close-on-exec. Whoever has this value closes them.
  package var descriptors: [Int32] = []
  /// The kernel has closed some: this process may not have more (MSG_CTRUNC).
  package var isCut = false
}
