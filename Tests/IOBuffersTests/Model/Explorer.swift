/// Walks every sequence of operations up to a length. A sequence ends early when nothing applies any more.
struct Explorer {
  /// One step of a sequence: what to do, and what the model says comes of it.
  struct Step {
    let operation: LockModel.Operation
    let outcome: LockModel.Outcome
    let state: LockModel
  }

  let operations: [LockModel.Operation]
  let depth: Int

  /// Calls `visit` for each longest sequence; every shorter one is a prefix of one of these. Returns how many there were.
  func walk(from start: LockModel, visit: ([Step]) -> Void) -> Int {
    var path: [Step] = []
    path.reserveCapacity(depth)
    return descend(start, &path, visit)
  }

  private func descend(_ state: LockModel, _ path: inout [Step], _ visit: ([Step]) -> Void) -> Int {
    if path.count == depth {
      visit(path)
      return 1
    }
    var sequences = 0
    for operation in operations {
      var next = state
      guard let outcome = next.apply(operation) else { continue }
      path.append(Step(operation: operation, outcome: outcome, state: next))
      sequences += descend(next, &path, visit)
      path.removeLast()
    }
    if sequences == 0 {
      visit(path)
      return 1
    }
    return sequences
  }
}
