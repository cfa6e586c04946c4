import CLiburing
import DequeModule
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension UserSpaceRing {
  // MARK: Accept

  mutating func beginAccept(_ entry: UnsafePointer<io_uring_sqe>) {
    var operation = unsafe Operation(entry, .accept)
    unsafe operation.isMultishot = entry.pointee.ioprio & UInt16(SLUICE_ACCEPT_MULTISHOT) != 0
    unsafe operation.flags = entry.pointee.accept_flags
    system.prepareListener(operation.descriptor)
    beginLife(operation.descriptor)
    begin(operation)
  }

  mutating func attemptAccept(_ operation: inout Operation, _ state: UnsafeMutablePointer<DescriptorState>) -> Attempt {
    let descriptor = operation.descriptor
    let userData = operation.userData
    let flags = Int32(bitPattern: operation.flags)
    let isMultishot = operation.isMultishot
    for _ in 0..<Self.budget {
      let accepted = system.accept(descriptor, flags: flags)
      if accepted >= 0 {
        beginLife(accepted)
        let goesOn = isMultishot && !system.chooses(.endsMultishot)
        post(userData, accepted, flags: goesOn ? SLUICE_CQE_MORE : 0)
        if !goesOn { return .finished }
        if !hasRoom { return .hasMore }
        continue
      }
      switch -accepted {
      case EAGAIN:
        unsafe state.pointee.readiness.remove(.input)
        return .waits
      case ECONNABORTED where system.chooses(.reportsAborted):
        post(userData, accepted)
        return .finished
      case EINTR, ECONNABORTED:
        continue
      default:
        post(userData, accepted)
        return .finished
      }
    }
    return .hasMore
  }

  // MARK: Connect

  mutating func beginConnect(_ entry: UnsafePointer<io_uring_sqe>) {
    var operation = unsafe Operation(entry, .connect)
    unsafe operation.count = Int(truncatingIfNeeded: entry.pointee.off)
    beginLife(operation.descriptor)
    begin(operation)
  }

  mutating func attemptConnect(_ operation: inout Operation, _ state: UnsafeMutablePointer<DescriptorState>) -> Attempt
  {
    let descriptor = operation.descriptor
    let result: Int32
    if operation.isUnderWay {
      result = system.connectResult(descriptor)
    } else if let address = unsafe UnsafeRawPointer(bitPattern: UInt(operation.address)) {
      result = unsafe system.connect(
        descriptor,
        address: address,
        length: UInt32(truncatingIfNeeded: operation.count)
      )
    } else {
      result = -EFAULT
    }
    switch -result {
    case EINPROGRESS, EINTR:
      // From here on the address is not looked at any more.
      operation.isUnderWay = true
      unsafe state.pointee.readiness.remove(.output)
      return .waits
    case EAGAIN:
      if !unreported.contains(descriptor) { unreported.append(descriptor) }
      return .waits
    default:
      post(operation.userData, result)
      return .finished
    }
  }

  // MARK: Ends

  mutating func shutDown(_ entry: UnsafePointer<io_uring_sqe>) {
    let descriptor = unsafe entry.pointee.fd
    unsafe post(entry.pointee.user_data, system.shutdown(descriptor, Int32(bitPattern: entry.pointee.len)))
    // What waits there hears of it now; not every socket reports to its own side.
    guard let state = unsafe descriptors.state(of: descriptor), unsafe state.pointee.isWaitedFor else { return }
    unsafe state.pointee.readiness.formUnion([.input, .output])
    unsafe enqueue(descriptor, state)
  }

  /// Closes a descriptor. An operation that waits on it would hold the socket open in the kernel; here it cannot, so it
  /// ends first. The engine never lets that happen: close comes last.
  mutating func closeDescriptor(_ entry: UnsafePointer<io_uring_sqe>) {
    let descriptor = unsafe entry.pointee.fd
    if let state = unsafe descriptors.state(of: descriptor), unsafe state.pointee.isWaitedFor {
      if System.checksRules { system.note(broken: .closedWithOperations, descriptor) }
      unsafe endAll(state, -Errno.canceled.rawValue)
    }
    unsafe post(entry.pointee.user_data, system.close(descriptor))
    beginLife(descriptor)
  }

  /// The number names another socket than before, if it named one: nothing is known about it.
  private mutating func beginLife(_ descriptor: Int32) {
    guard let state = unsafe descriptors.state(of: descriptor), unsafe !state.pointee.isWaitedFor else { return }
    unsafe state.pointee.generation &+= 1
    unsafe state.pointee.isWatched = false
    unsafe state.pointee.readiness = [.input, .output]
    if System.checksRules { rules.metEmpty[descriptor] = nil }
  }

  // MARK: Cancel

  /// IORING_OP_ASYNC_CANCEL, by user data or by descriptor. Its own completion comes first, as with deferred task work.
  mutating func cancel(_ entry: UnsafePointer<io_uring_sqe>) {
    let userData = unsafe entry.pointee.user_data
    let flags = unsafe entry.pointee.cancel_flags
    if flags == SLUICE_CANCEL_ALL | SLUICE_CANCEL_FD {
      guard let state = unsafe descriptors.state(of: entry.pointee.fd) else {
        return post(userData, -Errno.badFileDescriptor.rawValue)
      }
      var found: Int32 = 0
      for list in [\DescriptorState.input, \.output, \.polls] {
        while case let place = unsafe state.pointee[keyPath: list], place != OperationTable.none {
          unsafe state.pointee[keyPath: list] = operations.pointer(place).pointee.next
          markCancelled(place)
          found += 1
        }
      }
      // What is waited for is open; else it may be no descriptor at all.
      let isOpen = unsafe found > 0 || system.poll(entry.pointee.fd, 0) != -Errno.badFileDescriptor.rawValue
      post(userData, isOpen ? found : -Errno.badFileDescriptor.rawValue)
    } else if flags == 0 {
      guard let place = unsafe operations.find(entry.pointee.addr), !system.chooses(.missesCancelled) else {
        return post(userData, -Errno.noSuchFileOrDirectory.rawValue)
      }
      if goesOn(place) {
        return post(userData, system.chooses(.saysAlready) ? -Errno.alreadyInProcess.rawValue : 0)
      }
      if system.chooses(.endsBeforeAnswer), unsafe !operations.pointer(place).pointee.isCancelled {
        unlink(place)
        end(place, -Errno.canceled.rawValue)
        return post(userData, 0)
      }
      post(userData, 0)
      if planted(.ringCancelsWithoutEnd) { return }
      if unsafe operations.pointer(place).pointee.isCancelled { return }
      unlink(place)
      markCancelled(place)
    } else {
      post(userData, -Errno.invalidArgument.rawValue)
    }
  }

  /// Its end comes behind the batch, as with deferred task work: until then another cancel finds it, too.
  private mutating func markCancelled(_ place: Int32) {
    unsafe operations.pointer(place).pointee.isCancelled = true
    cancelled.append(place)
  }

  /// Ends what the submissions of this call have cancelled.
  mutating func endCancelled() {
    for place in cancelled { end(place, -Errno.canceled.rawValue) }
    cancelled.removeAll(keepingCapacity: true)
  }

  /// Takes an operation off its descriptor's list.
  mutating func unlink(_ place: Int32) {
    let operation = unsafe operations.pointer(place)
    guard let state = unsafe descriptors.state(of: operation.pointee.descriptor) else { return }
    let list = unsafe Self.list(operation.pointee.kind)
    let next = unsafe operation.pointee.next
    if unsafe state.pointee[keyPath: list] == place {
      unsafe state.pointee[keyPath: list] = next
      return
    }
    var other = unsafe state.pointee[keyPath: list]
    while other != OperationTable.none {
      if unsafe operations.pointer(other).pointee.next == place {
        unsafe operations.pointer(other).pointee.next = next
        return
      }
      other = unsafe operations.pointer(other).pointee.next
    }
  }
}
