import CLiburing
import IOBuffers
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Datagrams: io_uring_prep_recvmsg(3), io_uring_prep_recvmsg_multishot(3), and io_uring_prep_sendmsg(3) with an address or
/// control messages.
///
/// Here the header of a send is looked at until the completion, which is longer than io_uring looks at it: whoever has an address in
/// it has control messages too, sooner or later, and those must stay in either case.
extension UserSpaceRing {
  // MARK: Receiving

  mutating func beginReceiveMessage(_ entry: UnsafePointer<io_uring_sqe>) {
    let isMultishot = unsafe entry.pointee.ioprio & UInt16(SLUICE_RECEIVE_MULTISHOT) != 0
    let selects = unsafe UInt32(entry.pointee.flags) == SLUICE_SQE_BUFFER_SELECT
    var operation = unsafe Operation(entry, isMultishot ? .receiveMessages : .receiveMessage)
    // Receives into provided buffers that are not multishot are io_uring's alone: nobody here submits them.
    guard isMultishot == selects, unsafe UInt32(entry.pointee.flags) & ~SLUICE_SQE_BUFFER_SELECT == 0 else {
      return post(operation.userData, -Errno.invalidArgument.rawValue)
    }
    guard let header = unsafe UnsafePointer<msghdr>(bitPattern: UInt(operation.address)) else {
      return post(operation.userData, -Errno.badAddress.rawValue)
    }
    guard isMultishot else { return begin(operation) }
    operation.isMultishot = true
    operation.address = 0
    unsafe operation.group = entry.pointee.buf_group
    // All that a multishot receive looks at, and now: the header may go.
    unsafe operation.count = Int(header.pointee.msg_namelen)
    unsafe operation.controlCount = Int(header.pointee.msg_controllen)
    begin(operation)
  }

  mutating func attemptReceiveMessages(
    _ operation: inout Operation,
    _ state: UnsafeMutablePointer<DescriptorState>
  ) -> Attempt {
    checkPosted()
    let start = MessageHeader.bytes + operation.count + operation.controlCount
    for _ in 0..<Self.budget {
      // The buffer comes first, as in the kernel: an empty ring ends the receive, and leaves the datagrams where they are.
      guard let buffer = groups.first(operation.group), !system.chooses(.missesBuffers) else {
        noteEmpty(operation)
        post(operation.userData, -Errno.noBufferSpace.rawValue)
        return .finished
      }
      guard unsafe state.pointee.readiness.contains(.input) else { return .waits }
      guard buffer.count >= start else {
        post(operation.userData, -Errno.badAddress.rawValue)
        return .finished
      }
      let count = receiveMessage(operation, into: buffer)
      guard count >= 0 else { return unsafe receiveMessageEnded(&operation, state, count) }
      // A datagram without bytes ends it, as in the kernel, which takes it for the end of a stream.
      let goesOn = count > 0 && !system.chooses(.endsMultishot)
      let flags = groups.fill(operation.group, start + count) | (goesOn ? SLUICE_CQE_MORE : 0)
      post(operation.userData, Int32(truncatingIfNeeded: start + count), flags: flags)
      if !goesOn { return .finished }
      if !hasRoom { return .hasMore }
    }
    return .hasMore
  }

  /// One datagram into a provided buffer, behind its header.
  private mutating func receiveMessage(_ operation: borrowing Operation, into buffer: BufferGroup.Buffer) -> Int {
    // The areas, one behind the other, lie in the buffer, which is as large at least, and posted: ours to write to. The
    // sanitizer takes us for somebody else.
    let isPoisoned = unsafe isSanitized && AddressSanitizer.isPoisoned(buffer.base)
    if isPoisoned { unsafe AddressSanitizer.unpoison(buffer.base, buffer.count) }
    defer { if isPoisoned { unsafe AddressSanitizer.poison(buffer.base, buffer.count) } }
    let control = unsafe buffer.base + MessageHeader.bytes + operation.count
    let start = MessageHeader.bytes + operation.count + operation.controlCount
    var vector = unsafe iovec(iov_base: buffer.base + start, iov_len: buffer.count - start)
    var header = unsafe msghdr()
    unsafe header.msg_name = buffer.base + MessageHeader.bytes
    unsafe header.msg_namelen = socklen_t(operation.count)
    unsafe header.msg_control = control
    unsafe header.msg_controllen = operation.controlCount
    let descriptor = operation.descriptor
    let flags = Int32(bitPattern: operation.flags)
    let count = unsafe withUnsafeMutablePointer(to: &vector) { vector in
      unsafe header.msg_iov = vector
      unsafe header.msg_iovlen = 1
      return unsafe system.receiveMessage(descriptor, message: &header, flags: flags)
    }
    guard count >= 0 else { return count }
    let description = unsafe MessageHeader(
      nameLength: header.msg_namelen,
      controlLength: UInt32(truncatingIfNeeded: header.msg_controllen),
      payloadLength: UInt32(truncatingIfNeeded: count),
      flags: UInt32(bitPattern: header.msg_flags) & ~UInt32(SLUICE_CMSG_CLOEXEC)
    )
    unsafe description.write(to: buffer.base)
    return count
  }

  /// Into what the program's header names: once.
  mutating func attemptReceiveMessage(
    _ operation: inout Operation,
    _ state: UnsafeMutablePointer<DescriptorState>
  ) -> Attempt {
    guard unsafe state.pointee.readiness.contains(.input) else { return .waits }
    guard let header = unsafe UnsafeMutablePointer<msghdr>(bitPattern: UInt(operation.address)) else {
      post(operation.userData, -Errno.badAddress.rawValue)
      return .finished
    }
    // The caller's until the completion, with all that it names.
    if isSanitized { unsafe unpoison(header.pointee) }
    let flags = Int32(bitPattern: operation.flags)
    let count = unsafe system.receiveMessage(operation.descriptor, message: header, flags: flags)
    guard count >= 0 else { return unsafe receiveMessageEnded(&operation, state, count) }
    post(operation.userData, Int32(truncatingIfNeeded: count))
    return .finished
  }

  /// What is named is in slots that belong to the kernel, which is us.
  private func unpoison(_ header: msghdr) {
    if let name = unsafe header.msg_name { unsafe AddressSanitizer.unpoison(name, Int(header.msg_namelen)) }
    if let control = unsafe header.msg_control {
      unsafe AddressSanitizer.unpoison(control, Int(header.msg_controllen))
    }
    if let vector = unsafe header.msg_iov, let base = unsafe vector.pointee.iov_base {
      unsafe AddressSanitizer.unpoison(base, vector.pointee.iov_len)
    }
  }

  private mutating func receiveMessageEnded(
    _ operation: inout Operation,
    _ state: UnsafeMutablePointer<DescriptorState>,
    _ result: Int
  ) -> Attempt {
    switch Int32(truncatingIfNeeded: -result) {
    case EAGAIN:
      unsafe state.pointee.readiness.remove(.input)
      return .waits
    case EINTR: return .hasMore
    default:
      post(operation.userData, Int32(truncatingIfNeeded: result))
      return .finished
    }
  }

  // MARK: Sending

  mutating func beginSendMessage(_ entry: UnsafePointer<io_uring_sqe>) {
    var operation = unsafe Operation(entry, .sendVector)
    // There while the submission is being taken.
    if let header = unsafe UnsafePointer<msghdr>(bitPattern: UInt(operation.address)),
      unsafe header.pointee.msg_name != nil || header.pointee.msg_control != nil
    {
      operation.kind = .sendMessage
    }
    begin(operation)
  }

  mutating func attemptSendMessage(
    _ operation: inout Operation,
    _ state: UnsafeMutablePointer<DescriptorState>
  ) -> Attempt {
    guard let header = unsafe UnsafePointer<msghdr>(bitPattern: UInt(operation.address)) else {
      post(operation.userData, -Errno.badAddress.rawValue)
      return .finished
    }
    let flags = Int32(bitPattern: operation.flags)
    unsafe checkSent(operation, header)
    let count = unsafe system.sendVector(operation.descriptor, message: header, flags: flags & ~Int32(MSG_WAITALL))
    switch Int32(truncatingIfNeeded: -min(count, 0)) {
    case EAGAIN where flags & SLUICE_DONTWAIT == 0:
      unsafe state.pointee.readiness.remove(.output)
      return .waits
    case EINTR: return .hasMore
    default:
      post(operation.userData, Int32(clamping: count))
      return .finished
    }
  }
}
