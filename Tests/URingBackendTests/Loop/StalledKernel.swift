import CLiburing
import SystemPackage

@testable import URingBackend

/// A kernel that holds completions back, as the real one does with deferred task running: an enter posts no more of them
/// than twenty, or than it was asked for, and none when a signal interrupts it.
@safe
final class StalledKernel: RingDriver {
  private let base = ScriptedDriver(entries: 64, completionEntries: 256)
  /// Completions that are ready and not posted.
  var held: [UInt64] = []
  /// Enters so far, and of those the ones that asked for all that is ready.
  private(set) var enters = 0
  private(set) var catchUps = 0
  /// How many entries it takes at a time. A call that takes fewer than it was given posts nothing.
  var consumeLimit: UInt32 {
    get { base.consumeLimit }
    set { base.consumeLimit = newValue }
  }
  /// For how many completions each of them waited.
  private(set) var waits: [UInt32] = []
  /// Runs in each enter, before anything is posted; the result is the call's. Nil: it succeeds.
  var onEnter: ((StalledKernel) -> Errno?)?

  var queues: RingQueues { unsafe base.queues }
  var features: KernelFeatures { base.features }

  func enter(submit: UInt32, waitFor: UInt32, timeoutNanoseconds: UInt64?) -> Int32 {
    enters += 1
    waits.append(waitFor)
    if waitFor > 1 { catchUps += 1 }
    let isCut = submit > consumeLimit
    _ = base.enter(submit: submit, waitFor: 0, timeoutNanoseconds: nil)
    if let error = onEnter?(self) { return -error.rawValue }
    if isCut { return Int32(min(submit, consumeLimit)) }
    for userData in held.prefix(max(20, Int(waitFor))) { base.complete(userData, result: 1) }
    held.removeFirst(min(held.count, max(20, Int(waitFor))))
    return Int32(submit)
  }

  /// Completes the read that wakes the loop.
  func wake() {
    base.complete(OperationID(.wake).rawValue, result: 8)
  }

  func register(_ opcode: UInt32, _ argument: UnsafeMutableRawPointer?, _ count: UInt32) -> Int32 {
    unsafe base.register(opcode, argument, count)
  }

  func close() { base.close() }
}

/// Writes down in which order completions and timers come.
final class RecordingClient: LoopClient, @unchecked Sendable {
  enum Event: Equatable {
    case completed(UInt32)
    case timer(UInt64)
  }

  private(set) var events: [Event] = []

  override func complete(_ completion: Completion, _ operation: OperationID) {
    events.append(.completed(operation.index))
  }

  override func timerFired(_ token: UInt64) { events.append(.timer(token)) }
}
