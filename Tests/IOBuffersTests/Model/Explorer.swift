/// Walks every sequence of operations up to a length. A sequence ends early when nothing applies any more.
struct Explorer {
  /// One step of a sequence: what to do, and what the model says comes of it.
  struct Step {
    let operation: LockModel.Operation
    let outcome: LockModel.Outcome
    let state: LockModel
  }

  /// A sequence that cannot be made longer; every shorter one is the beginning of one of these.
  struct Path {
    var steps: [Step] = []
    /// From which step on this sequence differs from the one visited before.
    var firstNew = 0
  }

  let operations: [LockModel.Operation]
  let depth: Int

  /// Calls `visit` for each longest sequence. Returns how many there were.
  func walk(from start: LockModel, visit: (Path) -> Void) -> Int {
    var path = Path()
    path.steps.reserveCapacity(depth)
    return descend(start, &path, visit)
  }

  private func descend(_ state: LockModel, _ path: inout Path, _ visit: (Path) -> Void) -> Int {
    var sequences = 0
    for operation in operations where path.steps.count < depth {
      var next = state
      guard let outcome = next.apply(operation) else { continue }
      path.steps.append(Step(operation: operation, outcome: outcome, state: next))
      sequences += descend(next, &path, visit)
      path.steps.removeLast()
      path.firstNew = path.steps.count
    }
    if sequences == 0 {
      visit(path)
      return 1
    }
    return sequences
  }
}
