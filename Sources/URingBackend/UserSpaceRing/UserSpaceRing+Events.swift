import CLiburing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Reads of an eventfd, and polls.
extension UserSpaceRing {
  mutating func attemptRead(_ operation: inout Operation, _ state: UnsafeMutablePointer<DescriptorState>) -> Attempt {
    guard let base = unsafe UnsafeMutableRawPointer(bitPattern: UInt(operation.address)) else {
      post(operation.userData, -EFAULT)
      return .finished
    }
    let count = unsafe system.read(operation.descriptor, base, operation.count)
    if count == -Int(EAGAIN) {
      unsafe state.pointee.readiness.remove(.input)
      return .waits
    }
    post(operation.userData, Int32(clamping: count))
    return .finished
  }

  mutating func attemptPoll(_ operation: inout Operation, _ state: UnsafeMutablePointer<DescriptorState>) -> Attempt {
    let events = system.poll(operation.descriptor, operation.flags)
    guard events != 0 else { return .waits }
    post(operation.userData, events)
    return .finished
  }
}
