import CLiburing
import SystemPackage
import Synchronization

@testable import URingBackend

/// This kernel, playing an older one: answers what the older one did not know as the older one did.
///
/// Stands between the ring and a ``KernelDriver``, and changes what passes through the queue memory, so that probes and
/// fallbacks meet the real answers on a kernel that has everything.
@safe
final class OldKernelDriver: RingDriver {
  /// How the older kernel differs.
  enum Fault: CaseIterable {
    case refusesMultishotAccept
    case refusesMultishotReceive
    case refusesReceiveLimit
    case ignoresReceiveLimit
    case refusesIncrementalBuffers
    case ignoresIncrementalBuffers
    case reordersCompletions
    case refusesZeroCopySend
    case refusesVectoredZeroCopySend
    case refusesUsageReport
  }

  let base: KernelDriver
  let faults: Set<Fault>
  var queues: RingQueues { unsafe base.queues }
  var features: KernelFeatures { base.features }

  init(_ base: KernelDriver, faults: Set<Fault>) {
    self.base = base
    self.faults = faults
  }

  func enter(submit: UInt32, waitFor: UInt32, timeoutNanoseconds: UInt64?) -> Int32 {
    let head = unsafe queues.submissionHead.pointee.load(ordering: .acquiring)
    for index in 0..<submit {
      unsafe change(queues.submissions + Int((head &+ index) & (queues.submissionEntries - 1)))
    }
    let result = base.enter(submit: submit, waitFor: waitFor, timeoutNanoseconds: timeoutNanoseconds)
    if faults.contains(.reordersCompletions) { reverseCompletions() }
    return result
  }

  func register(_ opcode: UInt32, _ argument: UnsafeMutableRawPointer?, _ count: UInt32) -> Int32 {
    if opcode == SLUICE_REGISTER_PBUF_RING, let argument = unsafe argument {
      let flags = unsafe argument.load(fromByteOffset: 14, as: UInt16.self)
      if faults.contains(.refusesIncrementalBuffers), flags != 0 { return -Errno.invalidArgument.rawValue }
      if faults.contains(.ignoresIncrementalBuffers) {
        unsafe argument.storeBytes(of: 0, toByteOffset: 14, as: UInt16.self)
      }
    }
    return unsafe base.register(opcode, argument, count)
  }

  func close() {
    base.close()
  }

  private func change(_ entry: UnsafeMutablePointer<io_uring_sqe>) {
    let isReceive = unsafe Int32(entry.pointee.opcode) == SLUICE_OP_RECV
    let isAccept = unsafe Int32(entry.pointee.opcode) == SLUICE_OP_ACCEPT
    let isMultishot = unsafe entry.pointee.ioprio & (isReceive ? 2 : 1) != 0
    let hasLimit = unsafe isReceive && entry.pointee.file_index != 0
    if hasLimit, faults.contains(.ignoresReceiveLimit) { unsafe entry.pointee.file_index = 0 }
    let isZeroCopy = unsafe Int32(entry.pointee.opcode) == SLUICE_OP_SEND_ZC
    let isVectoredZeroCopy = unsafe Int32(entry.pointee.opcode) == SLUICE_OP_SENDMSG_ZC
    if isZeroCopy && faults.contains(.refusesZeroCopySend)
      || isVectoredZeroCopy && faults.contains(.refusesVectoredZeroCopySend)
      || (isZeroCopy || isVectoredZeroCopy) && faults.contains(.refusesUsageReport)
    {
      unsafe entry.pointee.opcode = 255
    }
    if isMultishot && isAccept && faults.contains(.refusesMultishotAccept)
      || isMultishot && isReceive && faults.contains(.refusesMultishotReceive)
      || hasLimit && faults.contains(.refusesReceiveLimit)
    {
      // No such operation: EINVAL, as for a field that the kernel does not know.
      unsafe entry.pointee.opcode = 255
    }
  }

  private func reverseCompletions() {
    let head = unsafe queues.completionHead.pointee.load(ordering: .relaxed)
    let tail = unsafe queues.completionTail.pointee.load(ordering: .acquiring)
    guard tail &- head == 2 else { return }
    let mask = unsafe queues.completionEntries - 1
    let (first, second) = (Int(head & mask), Int((head &+ 1) & mask))
    let entry = unsafe queues.completions[first]
    unsafe queues.completions[first] = queues.completions[second]
    unsafe queues.completions[second] = entry
  }
}
