import SystemPackage
import Testing

@testable import URingBackend

/// A situation that a driver can get into: some operations, some events of the network, in an order that is the same on
/// every kernel.
struct Scenario: Sendable, CustomTestStringConvertible {
  /// What is said of the completions.
  enum Order: Sendable {
    /// Those of one operation after the other. How operations stand to each other is free.
    case ofEachOperation
    /// All in the order in which they came.
    case ofAll
  }

  /// The machine cannot bring it about.
  struct Impossible: Error {}

  let name: String
  /// Without these on the ring there is no such situation.
  let needs: [KernelFeature]
  let order: Order
  let entries: UInt32
  let completionEntries: UInt32
  /// Takes seconds, so it runs less often.
  let isSlow: Bool
  /// Uses up all descriptors: those of a table that its thread alone has.
  let needsOwnDescriptors: Bool
  /// Why drivers that are not the kernel answer otherwise, and may.
  let exception: String?
  let run: @Sendable (Bench) throws -> Void

  init(
    _ name: String,
    needs: [KernelFeature] = [],
    order: Order = .ofEachOperation,
    entries: UInt32 = 32,
    completionEntries: UInt32 = 128,
    isSlow: Bool = false,
    needsOwnDescriptors: Bool = false,
    exception: String? = nil,
    run: @escaping @Sendable (Bench) throws -> Void
  ) {
    self.name = name
    self.needs = needs
    self.order = order
    self.entries = entries
    self.completionEntries = completionEntries
    self.isSlow = isSlow
    self.needsOwnDescriptors = needsOwnDescriptors
    self.exception = exception
    self.run = run
  }

  var testDescription: String { name }

  /// Runs it once, with a kernel and on a thread of its own.
  private func answer(patience: Duration, of makeKernel: @escaping () throws -> any Kernel) throws -> Answer {
    let result = try OtherThread.run(self) { scenario in
      Result {
        if scenario.needsOwnDescriptors { try OtherThread.leaveDescriptorsBehind() }
        return try scenario.answer(of: try makeKernel(), patience: patience)
      }
    }
    guard let result else { throw Errno.canceled }
    return try result.get()
  }

  private func answer(of kernel: any Kernel, patience: Duration) throws -> Answer {
    let ring = try kernel.makeRing(entries: entries, completionEntries: completionEntries)
    let bench = Bench(kernel: kernel, ring: ring, patience: patience)
    defer { bench.tearDown() }
    do {
      try run(bench)
    } catch let error as Bench.GaveUp {
      bench.note("silence", error.what)
    }
    return bench.answer(order)
  }

  /// The answers of so many runs.
  func answers(
    runs: Int,
    patience: Duration = .seconds(20),
    of makeKernel: @escaping () throws -> any Kernel
  ) throws -> Set<Answer> {
    Set(try tally(runs: runs, patience: patience, of: makeKernel).keys)
  }

  /// The answers of so many runs, and how often each was given.
  func tally(
    runs: Int,
    patience: Duration = .seconds(20),
    of makeKernel: @escaping () throws -> any Kernel
  ) throws -> [Answer: Int] {
    var tally: [Answer: Int] = [:]
    for _ in 0..<(isSlow ? min(runs, 2) : runs) {
      do {
        tally[try answer(patience: patience, of: makeKernel), default: 0] += 1
      } catch is Impossible {
        return [:]
      }
    }
    return tally
  }
}

extension Scenario {
  /// All of them, in families, as they are recorded.
  static let families: [(name: String, scenarios: [Scenario])] = [
    ("receives", receives), ("buffers", buffers), ("sends", sends), ("vectors", vectors),
    ("connections", connections), ("rings", rings), ("datagrams", datagrams),
  ]

  static let all = families.flatMap(\.scenarios)
}
