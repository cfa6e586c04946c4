import CLiburing
import Synchronization

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A driver that does what another does, and then falsifies its completions: to see that the scenarios find it.
@safe
final class FaultyDriver: RingDriver {
  enum Fault: String, CaseIterable, Sendable {
    /// The control: completions are left as they are.
    case none
    case dropsMore
    case addsMore
    case reportsShortSendsAsWhole
    case reportsPartOfASend
    case cancelFindsNothing
    case cancelledReadsAsEnd
    case namesTheWrongBuffer
    case dropsTheBuffer
    case dropsBufferMore
    case losesAByte
    case turnsResetIntoEnd
    case turnsEndIntoReset
    case swapsNeighbours
    case forgivesRefusals
  }

  // Why the pointers hold: the inner driver's, which lives as long as this one, and is asked from the same thread.
  private let inner: any RingDriver
  private let fault: Fault
  /// What was submitted, by user data.
  private var submitted: [UInt64: (opcode: Int32, count: UInt32)] = [:]
  private var seenTail: UInt32 = 0

  init(_ inner: any RingDriver, fault: Fault) {
    self.inner = inner
    self.fault = fault
  }

  var queues: RingQueues { unsafe inner.queues }
  var features: KernelFeatures { inner.features }

  func enter(submit: UInt32, waitFor: UInt32, timeoutNanoseconds: UInt64?) -> Int32 {
    let queues = unsafe inner.queues
    let head = unsafe queues.submissionHead.pointee.load(ordering: .acquiring)
    for index in 0..<submit {
      let entry = unsafe queues.submissions + Int((head &+ index) & (queues.submissionEntries - 1))
      unsafe submitted[entry.pointee.user_data] = (Int32(entry.pointee.opcode), entry.pointee.len)
    }
    let result = inner.enter(submit: submit, waitFor: waitFor, timeoutNanoseconds: timeoutNanoseconds)
    let tail = unsafe queues.completionTail.pointee.load(ordering: .acquiring)
    var previous: UnsafeMutablePointer<io_uring_cqe>?
    while seenTail != tail {
      let entry = unsafe queues.completions + Int(seenTail & (queues.completionEntries - 1))
      unsafe falsify(&entry.pointee)
      if fault == .swapsNeighbours, let other = unsafe previous { unsafe swap(&other.pointee, &entry.pointee) }
      unsafe previous = entry
      seenTail &+= 1
    }
    return result
  }

  private func falsify(_ entry: inout io_uring_cqe) {
    let (opcode, count) = submitted[entry.user_data] ?? (-1, 0)
    let isSend = opcode == SLUICE_OP_SEND
    let isReceive = opcode == SLUICE_OP_RECV
    switch fault {
    case .none, .swapsNeighbours: break
    case .dropsMore: entry.flags &= ~SLUICE_CQE_MORE
    case .addsMore: if isReceive, entry.res == 0 { entry.flags |= SLUICE_CQE_MORE }
    case .reportsShortSendsAsWhole: if isSend, entry.res > 0 { entry.res = Int32(count) }
    case .reportsPartOfASend: if isSend, entry.res > 1 { entry.res -= 1 }
    case .cancelFindsNothing: if opcode == SLUICE_OP_CANCEL { entry.res = -ENOENT }
    case .cancelledReadsAsEnd: if isReceive, entry.res == -ECANCELED { entry.res = 0 }
    case .namesTheWrongBuffer:
      if entry.flags & SLUICE_CQE_BUFFER != 0 { entry.flags ^= 1 &<< SLUICE_CQE_BUFFER_SHIFT }
    case .dropsTheBuffer: entry.flags &= ~SLUICE_CQE_BUFFER
    case .dropsBufferMore: entry.flags &= ~SLUICE_CQE_BUFFER_MORE
    case .losesAByte: if isReceive, entry.res > 1 { entry.res -= 1 }
    case .turnsResetIntoEnd: if isReceive, entry.res == -ECONNRESET { entry.res = 0 }
    case .turnsEndIntoReset: if isReceive, entry.res == 0 { entry.res = -ECONNRESET }
    case .forgivesRefusals: if opcode == SLUICE_OP_CONNECT, entry.res == -ECONNREFUSED { entry.res = 0 }
    }
  }

  func register(_ opcode: UInt32, _ argument: UnsafeMutableRawPointer?, _ count: UInt32) -> Int32 {
    unsafe inner.register(opcode, argument, count)
  }

  func close() { inner.close() }
}
