import Foundation
import Glibc
import IOBuffers
import Synchronization
import Testing

/// What one holder did to the bytes is visible to, and over for, the next one: the memory ordering of the locks alone.
///
/// The threads tell each other to go on by relaxed flags, which order nothing, and sleep instead of spinning, which would
/// overwrite the thread sanitizer's history. Under it each of these tests reports a race as soon as the lock operation in
/// its name loses its ordering; without it they only compare bytes.
@Suite("Memory ordering of a handover", .serialized, .timeLimit(.minutes(10)))
struct OrderingTests {
  @Test("a writer is released, a reader is lent")
  func releaseWriter() async throws {
    try await handOver { loan in
      let view = try loan.writer()
      return [{ view.fill(3) && view.released() }]
    } then: { loan in
      try loan.reader().plainBytes == [UInt8](repeating: 3, count: 16)
    }
  }

  @Test("a writer is frozen, another reader is lent")
  func freeze() async throws {
    try await handOver { loan in
      let view = try loan.writer()
      return [{ view.fill(4) && view.freeze() }]
    } then: { loan in
      try loan.reader().plainBytes == [UInt8](repeating: 4, count: 16)
    }
  }

  @Test("a reader is released, a writer is lent")
  func releaseReader() async throws {
    try await handOver { loan in
      let view = try loan.reader()
      return [{ view.plainBytes.count == 16 && view.released() }]
    } then: { loan in
      try loan.writer().fill(5)
    }
  }

  @Test("two writers of a split are released, a reader is lent")
  func releaseSplitWriters() async throws {
    try await handOver { loan in
      let front = try loan.writer()
      let back = try #require(try front.split(at: 8))
      return [{ front.fill(6) && front.released() }, { back.fill(7) && back.released() }]
    } then: { loan in
      try loan.reader().plainBytes == [UInt8](repeating: 6, count: 8) + [UInt8](repeating: 7, count: 8)
    }
  }

  @Test("the last view goes, the slot comes home and is lent again")
  func slotComesHome() async throws {
    try await handOver { loan in
      let view = try loan.reader()
      loan.drop()
      return [{ view.plainBytes.count == 16 && view.released() }]
    } then: { loan in
      try writeToReturnedSlot(loan.arena)
    }
  }

  @Test("a view goes, then the last one, whose holder never looked; the slot is lent again")
  func lastButOneView() async throws {
    try await handOver { loan in
      let first = try loan.reader()
      let last = try loan.reader()
      loan.drop()
      return [{ first.plainBytes.count == 16 && first.released() }, { last.released() }]
    } then: { loan in
      try writeToReturnedSlot(loan.arena)
    }
  }

  @Test("a writer goes, then the owner; the slot is lent again")
  func writerThenOwner() async throws {
    try await handOver { loan in
      let view = try loan.writer()
      return [
        { view.fill(9) && view.released() },
        {
          loan.drop()
          return true
        },
      ]
    } then: { loan in
      try writeToReturnedSlot(loan.arena)
    }
  }

  /// Takes the slot that came home, and writes without a lock of its own: only the way home may order the writing.
  private func writeToReturnedSlot(_ arena: BufferArena) throws -> Bool {
    let slot = try #require(arena.takeForKernel(slotBytes: 64))
    // Lifts the address sanitizer's poison.
    let reader = slot.filled(at: 0, count: 16, last: false)
    var span = unsafe MutableRawSpan(_unsafeStart: slot.base, byteCount: 16)
    PlainAccess.fill(&span, 8)
    reader.releaseReader()
    slot.releaseFromKernel()
    return true
  }

  /// Runs what `prepare` returned, each part on a thread of its own and one after the other, and then `last` here.
  private func handOver(
    _ prepare: @escaping @Sendable (Loan) throws -> [() -> Bool],
    then last: @escaping @Sendable (Loan) throws -> Bool
  ) async throws {
    let arena = try BufferArena(.small([64], byteLimit: 4096))
    let result = await onThread {
      Result {
        for _ in 0..<20 {
          let loan = try Loan(arena)
          let relay = Relay(try prepare(loan))
          guard relay.waitForLast(), try last(loan) else { return false }
          relay.end()
        }
        return true
      }
    }
    #expect(try result.get())
    // The threads let go of their views a moment later.
    #expect(await eventually { arena.statistics.slotsOut == 0 })
  }
}

/// A buffer of sixteen bytes that can lend views, and be given up early.
private final class Loan {
  let arena: BufferArena
  private var owner: PooledBuffer?

  init(_ arena: BufferArena) throws {
    self.arena = arena
    var buffer = try arena.allocate(minimumCapacity: 64)
    try buffer.resize(to: 16)
    owner = consume buffer
  }

  func reader() throws -> ViewBox {
    try #require(try owner.modify { (buffer) throws(BufferError) in ViewBox(try buffer.readView()) })
  }

  func writer() throws -> ViewBox {
    try #require(try owner.modify { (buffer) throws(BufferError) in ViewBox(try buffer.writeView()) })
  }

  func drop() {
    owner = nil
  }
}

/// Threads that run one after the other, and nothing but their own work can tell the sanitizer so.
private final class Relay: @unchecked Sendable {
  private let legs: [() -> Bool]
  /// Whose turn it is; negative when all is over.
  private let turn = Atomic<Int>(0)
  private let failures = Atomic<Int>(0)

  /// Starts all threads at once: a thread that was created after another one's work would be ordered after it.
  init(_ legs: [() -> Bool]) {
    self.legs = legs
    for number in legs.indices {
      let thread = Thread { self.run(number) }
      thread.start()
    }
  }

  private func run(_ number: Int) {
    while turn.load(ordering: .relaxed) < number { usleep(50) }
    if !legs[number]() { failures.add(1, ordering: .relaxed) }
    turn.store(number + 1, ordering: .relaxed)
    // Stays until all is over, for the end of a thread may order things too.
    while turn.load(ordering: .relaxed) >= 0 { usleep(200) }
  }

  /// False if a part failed.
  func waitForLast() -> Bool {
    while turn.load(ordering: .relaxed) < legs.count { usleep(50) }
    return failures.load(ordering: .relaxed) == 0
  }

  func end() {
    turn.store(-1, ordering: .relaxed)
  }
}

extension ViewBox {
  fileprivate var plainBytes: [UInt8] { withBytes(PlainAccess.read) ?? [] }

  fileprivate func released() -> Bool {
    release()
    return true
  }
}
