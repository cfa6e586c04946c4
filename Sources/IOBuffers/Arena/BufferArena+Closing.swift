extension BufferArena {
  /// Refuses new loans from now on, and fails everybody who waits for one with ``BufferError/closed``. Never blocks.
  ///
  /// What is lent stays valid: memory is unmapped as it comes home. More than once is harmless.
  public func close() {
    core.close()
  }

  /// Closes the arena, then waits until everything is home.
  ///
  /// - Parameter deadline: when to stop waiting. Cancelling the task stops it at once.
  /// - Returns: what is still out.
  public func close(waitingUntil deadline: ContinuousClock.Instant) async -> CloseReport {
    core.close()
    await core.waitUntilComplete(deadline)
    return whatIsOut
  }

  /// What is out now. Never waits.
  package var whatIsOut: CloseReport {
    let holders = core.holders?.holders() ?? []
    return core.withState { state, _ in state.closeReport(holders) }
  }
}

/// What was still lent when an arena stopped waiting for it: the leaks, if the program has ended its work.
public struct CloseReport: Sendable, Equatable {
  /// How many buffers still have an owner.
  public let buffers: Int
  /// How many read views are out.
  public let readers: Int
  /// How many write views are out, including those of the kernel.
  public let writers: Int
  /// The views on record, oldest first; empty unless diagnostics record views.
  public let holders: [Holder]

  package init(joining reports: [CloseReport]) {
    self.init(
      buffers: reports.reduce(0) { $0 + $1.buffers },
      readers: reports.reduce(0) { $0 + $1.readers },
      writers: reports.reduce(0) { $0 + $1.writers },
      holders: reports.flatMap(\.holders)
    )
  }

  init(buffers: Int, readers: Int, writers: Int, holders: [Holder]) {
    self.buffers = buffers
    self.readers = readers
    self.writers = writers
    self.holders = holders
  }

  /// Whether everything came home.
  public var isComplete: Bool { buffers == 0 && readers == 0 && writers == 0 }
}

extension CloseReport: CustomStringConvertible {
  /// What is out, and who holds it as far as is known.
  public var description: String {
    if isComplete { return "everything came home" }
    var text = "still out: \(buffers) buffers, \(readers) read views, \(writers) write views"
    if !holders.isEmpty { text += " (" + holders.map(\.description).joined(separator: "; ") + ")" }
    return text
  }
}
