import IOBuffers
import Testing

/// Every short life of a posted slot, against the model: who holds it, which bytes each reader sees, when it is home.
@Suite(.timeLimit(.minutes(10)))
struct KernelModelTests {
  @Test("every sequence on a posted slot")
  func postedSlot() async throws {
    var configuration = BufferArena.Configuration()
    configuration.byteLimit = 64 << 10
    configuration.segmentBytes = 16 << 10
    configuration.slotSizes = [64]
    let arena = try BufferArena(configuration)
    let depth = 7 + Settings.extraDepth
    let (sequences, failures) = await onThread {
      let log = FailureLog()
      var path: [KernelModel.Operation] = []
      let sequences = walk(KernelModel(capacity: 64, step: 16), depth, &path) { replay($0, in: arena, log: log) }
      return (sequences, log.messages)
    }
    #expect(failures.isEmpty)
    #expect(sequences > 1000)
    #expect(arena.statistics.slotsOut == 0)
  }
}

private func walk(
  _ state: KernelModel,
  _ depth: Int,
  _ path: inout [KernelModel.Operation],
  visit: ([KernelModel.Operation]) -> Void
) -> Int {
  var sequences = 0
  for operation in KernelModel.Operation.allCases where path.count < depth {
    var next = state
    guard next.apply(operation) else { continue }
    path.append(operation)
    sequences += walk(next, depth, &path, visit: visit)
    path.removeLast()
  }
  if sequences == 0 {
    visit(path)
    return 1
  }
  return sequences
}

private func replay(_ path: [KernelModel.Operation], in arena: BufferArena, log: FailureLog) {
  let name = path.map { "\($0)" }.joined(separator: " ")
  guard let slot = arena.takeForKernel(slotBytes: 64), slot.count >= 64 else {
    return log.record("\(name): no slot")
  }
  let content = pattern(64, seed: path.count)
  log.expect(unsafe writeAsKernel(content, to: slot.base), "\(name): the kernel cannot write")
  var model = KernelModel(capacity: 64, step: 16)
  var readers: [DetachedView] = []
  for operation in path {
    let newest = readers.count - 1
    if newest > 0 {
      let continues = readers[newest - 1].isFollowed(by: readers[newest])
      log.expect(continues == model.newestContinues, "\(name): isFollowed before \(operation) is \(continues)")
    }
    let filled = model.filled
    guard model.apply(operation) else { return log.record("\(name): \(operation) does not apply") }
    switch operation {
    case .fill: readers.append(slot.filled(at: filled, count: model.step, last: false))
    case .fillLast: readers.append(slot.filled(at: filled, count: model.step, last: true))
    case .kernelRelease: slot.releaseFromKernel()
    case .shareNewest:
      guard let shared = readers[newest].shareReader() else { return log.record("\(name): cannot share") }
      readers.append(shared)
    case .absorbNewest: readers[newest - 1].absorb(readers.removeLast())
    case .trimNewest: readers[newest].removePrefix(1)
    case .releaseNewest: readers.removeLast().releaseReader()
    case .releaseOldest: readers.removeFirst().releaseReader()
    }
    let out = arena.statistics.slotsOut
    log.expect(out == (model.isHome ? 0 : 1), "\(name): \(out) slots out after \(operation)")
  }
  for (index, range) in model.readers.enumerated() {
    let view = ReadView(readers[index])
    log.expect(view.array() == Array(content[range]), "\(name): reader \(index) sees \(view.array())")
    view.release()
  }
  if model.kernelHolds { slot.releaseFromKernel() }
  log.expect(arena.statistics.slotsOut == 0, "\(name): the slot did not come home")
}
