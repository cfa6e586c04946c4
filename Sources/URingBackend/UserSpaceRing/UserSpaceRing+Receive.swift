import CLiburing
import IOBuffers
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Receives into provided buffers: io_uring_prep_recv(3), io_uring_prep_recv_multishot(3).
extension UserSpaceRing {
  mutating func beginReceive(_ entry: UnsafePointer<io_uring_sqe>) {
    switch unsafe UInt32(entry.pointee.flags) {
    case 0: return unsafe begin(Operation(entry, .receiveInto))
    case SLUICE_SQE_BUFFER_SELECT: break
    default: return unsafe post(entry.pointee.user_data, -Errno.invalidArgument.rawValue)
    }
    var operation = unsafe Operation(entry, .receive)
    unsafe operation.group = entry.pointee.buf_group
    unsafe operation.isMultishot = entry.pointee.ioprio & UInt16(SLUICE_RECEIVE_MULTISHOT) != 0
    unsafe operation.limit = entry.pointee.file_index
    begin(operation)
  }

  mutating func attemptReceive(_ operation: inout Operation, _ state: UnsafeMutablePointer<DescriptorState>) -> Attempt
  {
    checkPosted()
    for _ in 0..<Self.budget {
      // The buffer comes first, as in the kernel: an empty ring ends the receive, and leaves the bytes where they are.
      guard let buffer = groups.first(operation.group), !system.chooses(.missesBuffers) else {
        noteEmpty(operation)
        post(operation.userData, -Errno.noBufferSpace.rawValue)
        return .finished
      }
      guard unsafe state.pointee.readiness.contains(.input) else { return .waits }
      let room = operation.count > 0 ? min(operation.count, buffer.count) : buffer.count
      let count = unsafe receive(operation.descriptor, buffer.base, room)
      guard count > 0 else { return unsafe receiveEnded(&operation, state, count) }
      // Nothing is left where the buffer was not filled, or just filled. What comes is reported, unless nothing more will be.
      // The next buffer is then not asked for: as in the kernel, only bytes that find none end the receive.
      let socketHasMore = count == room && system.hasInput(operation.descriptor)
      if !socketHasMore, unsafe !state.pointee.readiness.contains(.inputEnds) || losesEnd(operation) {
        unsafe state.pointee.readiness.remove(.input)
      }
      operation.progress &+= count
      received &+= count
      let mayGoOn = operation.isMultishot && (operation.limit == 0 || operation.progress < Int(operation.limit))
      let goesOn = mayGoOn && !system.chooses(.endsMultishot)
      var flags = groups.fill(operation.group, count) | (goesOn && !planted(.ringDropsMore) ? SLUICE_CQE_MORE : 0)
      if socketHasMore {
        leftInput = true
        flags |= SLUICE_CQE_SOCKET_NONEMPTY
      }
      post(operation.userData, Int32(truncatingIfNeeded: count), flags: flags)
      if !goesOn { return .finished }
      // The queue is full: what is left stays in the socket, and is taken when there is room.
      if !hasRoom { return .hasMore }
      if unsafe !state.pointee.readiness.contains(.input) { return .waits }
    }
    return .hasMore
  }

  /// Into memory of the program's own: once, whatever is there.
  mutating func attemptReceiveInto(_ operation: inout Operation, _ state: UnsafeMutablePointer<DescriptorState>)
    -> Attempt
  {
    guard unsafe state.pointee.readiness.contains(.input) else { return .waits }
    guard let base = unsafe UnsafeMutableRawPointer(bitPattern: UInt(operation.address)) else {
      post(operation.userData, -Errno.badAddress.rawValue)
      return .finished
    }
    let count = unsafe system.receive(operation.descriptor, base, operation.count)
    guard count > 0 else { return unsafe receiveEnded(&operation, state, count) }
    let socketHasMore = count == operation.count && system.hasInput(operation.descriptor)
    if !socketHasMore, unsafe !state.pointee.readiness.contains(.inputEnds) {
      unsafe state.pointee.readiness.remove(.input)
    }
    post(
      operation.userData,
      Int32(truncatingIfNeeded: count),
      flags: socketHasMore ? SLUICE_CQE_SOCKET_NONEMPTY : 0
    )
    return .finished
  }

  /// What planted faults do with what was reported beside the bytes. POLL_FIRST loses a reset that comes as one event with
  /// bytes (docs/kernel-matrix.md).
  @inline(__always)
  private func losesEnd(_ operation: borrowing Operation) -> Bool {
    if planted(.ringLosesEdge) { return true }
    guard planted(.armsWithPollFirst), operation.isMultishot else { return false }
    return system.poll(operation.descriptor, 0) & POLLERR != 0
  }

  @inline(__always)
  private mutating func receive(_ descriptor: Int32, _ base: UnsafeMutableRawPointer, _ room: Int) -> Int {
    // What the kernel may write to is out of bounds for everybody else, and the sanitizer takes us for that.
    guard isSanitized, unsafe AddressSanitizer.isPoisoned(base) else {
      return unsafe system.receive(descriptor, base, room)
    }
    unsafe AddressSanitizer.unpoison(base, room)
    defer { unsafe AddressSanitizer.poison(base, room) }
    return unsafe system.receive(descriptor, base, room)
  }

  private mutating func receiveEnded(
    _ operation: inout Operation,
    _ state: UnsafeMutablePointer<DescriptorState>,
    _ result: Int
  ) -> Attempt {
    switch Int32(truncatingIfNeeded: -result) {
    case EAGAIN:
      unsafe state.pointee.readiness.remove(.input)
      return .waits
    case EINTR:
      return .hasMore
    default:
      // The end of the stream: no buffer is used up. The kernel counts the FIN as something that is still there.
      post(
        operation.userData,
        Int32(truncatingIfNeeded: result),
        flags: result == 0 ? SLUICE_CQE_SOCKET_NONEMPTY : 0
      )
      return .finished
    }
  }

  // MARK: Provided buffers

  /// `struct io_uring_buf_reg`, read by offsets as ``BufferRingMemory`` writes it.
  mutating func registerGroup(_ argument: UnsafeMutableRawPointer?) -> Int32 {
    guard let argument = unsafe argument else { return -Errno.badAddress.rawValue }
    let address = unsafe argument.load(as: UInt64.self)
    let entries = unsafe argument.load(fromByteOffset: 8, as: UInt32.self)
    let group = unsafe argument.load(fromByteOffset: 12, as: UInt16.self)
    let flags = unsafe UInt32(argument.load(fromByteOffset: 14, as: UInt16.self))
    guard flags & ~SLUICE_PBUF_RING_INC == 0, entries > 0, entries <= 32_768, entries & (entries - 1) == 0,
      let memory = unsafe UnsafeMutableRawPointer(bitPattern: UInt(address)), address % 4096 == 0
    else { return -Errno.invalidArgument.rawValue }
    guard !groups.contains(group) else { return -Errno.fileExists.rawValue }
    let added = unsafe BufferGroup(
      memory: memory,
      entries: UInt16(truncatingIfNeeded: entries),
      isIncremental: flags & SLUICE_PBUF_RING_INC != 0
    )
    groups.set(group, added)
    return 0
  }

  mutating func unregisterGroup(_ argument: UnsafeMutableRawPointer?) -> Int32 {
    guard let argument = unsafe argument else { return -Errno.badAddress.rawValue }
    let group = unsafe argument.load(fromByteOffset: 12, as: UInt16.self)
    guard groups.contains(group) else { return -Errno.noSuchFileOrDirectory.rawValue }
    groups.set(group, nil)
    return 0
  }
}
