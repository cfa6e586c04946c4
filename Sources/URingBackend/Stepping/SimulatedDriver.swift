/// The ring in user space on top of a system that is not the operating system's.
@safe
final class SimulatedDriver<System: SocketSystem>: RingDriver {
  let features: KernelFeatures
  /// The queues, which the ring owns.
  let queues: RingQueues
  private var ring: UserSpaceRing<System>

  /// Nil when there is no memory for the queues.
  init?(_ system: System, entries: UInt32, completionEntries: UInt32, features: KernelFeatures) {
    guard let ring = UserSpaceRing(system: system, entries: entries, completionEntries: completionEntries) else {
      return nil
    }
    unsafe queues = ring.queues
    self.ring = ring
    self.features = features
  }

  func enter(submit: UInt32, waitFor: UInt32, timeoutNanoseconds: UInt64?) -> Int32 {
    ring.enter(submit: submit, waitFor: waitFor, timeoutNanoseconds: timeoutNanoseconds)
  }

  func register(_ opcode: UInt32, _ argument: UnsafeMutableRawPointer?, _ count: UInt32) -> Int32 {
    // The caller answers for the argument.
    unsafe ring.register(opcode, argument, count)
  }

  /// Operations that the ring keeps, and notifications that it owes.
  var operationsKept: Int { ring.operations.count + ring.notifications.count }

  func close() {
    ring.close()
  }
}

extension KernelFeatures {
  /// What the ring in user space has over a simulated system: zero-copy sends, too, where that one imagines them.
  static let simulated = KernelFeatures(
    readiness: [.multishotAccept, .multishotReceive, .incrementalBuffers, .receiveLimit, .zeroCopySend]
  )
}
