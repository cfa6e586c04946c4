import IOBuffers
import Testing

/// Every short sequence of operations, on one thread, against the model: each outcome, each report, all bytes, and the
/// slot's way home.
@Suite(.timeLimit(.minutes(10)))
struct ExhaustiveModelTests {
  /// The operations that change who holds what: few enough for long sequences.
  private static let locking: [LockModel.Operation] = [
    .readAll, .writeAll, .shareNewest, .splitNewest, .freezeNewest, .releaseNewest, .releaseOldest, .grow, .dropOwner,
    .finish,
  ]

  @Test("locking operations, long sequences")
  func longSequences() async throws {
    try await check(operations: Self.locking, depth: 7, start: 4, diagnostics: .off)
  }

  @Test("all operations, shorter sequences")
  func allOperations() async throws {
    try await check(operations: LockModel.Operation.allCases, depth: 4, start: 4, diagnostics: .off)
  }

  @Test("growth that moves to a larger slot")
  func movingGrowth() async throws {
    try await check(operations: LockModel.Operation.allCases, depth: 4, start: 63, diagnostics: .off)
  }

  @Test("an empty buffer")
  func emptyBuffer() async throws {
    try await check(operations: LockModel.Operation.allCases, depth: 4, start: 0, diagnostics: .off)
  }

  @Test("every view recorded: the report names each holder")
  func withDiagnostics() async throws {
    try await check(operations: LockModel.Operation.allCases, depth: 4, start: 4, diagnostics: .everyView)
  }

  private func check(
    operations: [LockModel.Operation],
    depth: Int,
    start: Int,
    diagnostics: BufferArena.Diagnostics
  ) async throws {
    var configuration = BufferArena.Configuration()
    configuration.byteLimit = 256 << 10
    configuration.segmentBytes = 16 << 10
    configuration.slotSizes = [64, 256, 1024]
    configuration.diagnostics = diagnostics
    let arena = try BufferArena(configuration)
    let explorer = Explorer(operations: operations, depth: depth + Settings.extraDepth)
    let (sequences, failures) = await onThread {
      let log = FailureLog()
      let sequences = explorer.walk(from: LockModel(bytes: pattern(start))) { path in
        replay(path, in: arena, start: pattern(start), recorded: diagnostics == .everyView, log: log)
      }
      return (sequences, log.messages)
    }
    #expect(failures.isEmpty)
    #expect(sequences > 500)
    #expect(arena.statistics.slotsOut == 0)
  }
}

/// Performs one sequence on a fresh buffer and compares each step with the model.
private func replay(
  _ path: Explorer.Path,
  in arena: BufferArena,
  start: [UInt8],
  recorded: Bool,
  log: FailureLog
) {
  do {
    let subject = PooledSubject(try arena.buffer(start))
    var before = LockModel(bytes: start)
    for (index, step) in path.steps.enumerated() {
      let outcome = try subject.perform(step.operation, length: before.bytes.count, stamp: before.nextStamp)
      let state = step.state
      if outcome != step.outcome {
        return log.record("\(describe(path, upTo: index)): \(outcome), the model says \(step.outcome)")
      }
      if let report = subject.lastReport, recorded {
        let modes = report.holders.map { $0.mode == .write }
        log.expect(
          modes.count { !$0 } == report.readers && modes.count { $0 } == report.writers,
          "\(describe(path, upTo: index)): \(report)"
        )
      }
      before = state
      // Before that, the sequence visited last has shown it.
      if index < path.firstNew { continue }
      let out = arena.statistics.slotsOut
      if out != (state.isHome ? 0 : 1) {
        return log.record("\(describe(path, upTo: index)): \(out) slots out, \(state)")
      }
    }
    let name = { describe(path, upTo: path.steps.count - 1) }
    for (view, expected) in zip(subject.views, before.views) {
      log.expect(view.holds(before.bytes(of: expected)), "\(name()): \(view.array())")
    }
    log.expect(subject.views.count == before.views.count, "\(name()): views differ")
    if before.hasOwner, before.writers == 0 {
      let bytes = try subject.owner?.readView().array()
      log.expect(bytes == before.bytes, "\(name()): the owner holds \(bytes ?? [])")
    }
    // The end in four orders: owner first or last, newest or oldest view first.
    let order = path.steps.reduce(0) { $0 &+ Int($1.operation.rawValue) }
    if order & 1 == 0 { subject.owner = nil }
    subject.releaseAll(newestFirst: order & 2 == 0)
    subject.owner = nil
    log.expect(arena.statistics.slotsOut == 0, "\(name()): a slot did not come home")
  } catch {
    log.record("\(describe(path, upTo: path.steps.count - 1)): \(error)")
  }
}

private func describe(_ path: Explorer.Path, upTo index: Int) -> String {
  path.steps.prefix(index + 1).map { "\($0.operation)" }.joined(separator: " ")
}
