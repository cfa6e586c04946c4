import IOBuffers
import Testing

/// Memory of another library lives under the same locks: every short sequence again, and its release closure runs once.
@Suite(.timeLimit(.minutes(10)))
struct ForeignModelTests {
  private static let operations = LockModel.Operation.allCases.filter {
    ![.grow, .shrink, .append, .finish].contains($0)
  }

  @Test("every sequence on foreign memory")
  func foreignMemory() async {
    let explorer = Explorer(operations: Self.operations, depth: 5 + Settings.extraDepth)
    let (sequences, failures) = await onThread {
      let log = FailureLog()
      let sequences = explorer.walk(from: LockModel(bytes: pattern(4))) { replay($0.steps, log: log) }
      return (sequences, log.messages)
    }
    #expect(failures.isEmpty)
    #expect(sequences > 1000)
  }
}

private func replay(_ path: [Explorer.Step], log: FailureLog) {
  let name = path.map { "\($0.operation)" }.joined(separator: " ")
  let released = Counter()
  let start = pattern(4)
  let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: start.count, alignment: 1)
  unsafe memory.copyBytes(from: start)
  do {
    let subject = try unsafe Subject(
      ForeignBuffer(adopting: memory) {
        unsafe $0.deallocate()
        released.add()
      }
    )
    var before = LockModel(bytes: start)
    for step in path {
      let outcome = try subject.perform(step.operation, length: start.count, stamp: before.nextStamp)
      log.expect(outcome == step.outcome, "\(name): \(step.operation) was \(outcome), the model says \(step.outcome)")
      before = step.state
      if released.value != (before.isHome ? 1 : 0) {
        return log.record("\(name): released \(released.value) times after \(step.operation)")
      }
    }
    for (view, expected) in zip(subject.views, before.views) {
      log.expect(view.holds(before.bytes(of: expected)), "\(name): \(view.array())")
    }
    subject.owner = nil
    subject.releaseAll(newestFirst: path.count.isMultiple(of: 2))
    log.expect(released.value == 1, "\(name): released \(released.value) times at the end")
  } catch {
    log.record("\(name): \(error)")
  }
}
