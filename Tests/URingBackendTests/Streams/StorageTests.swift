import CLiburing
import IOBuffers
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Slabs, queues of views, and scratch.
struct StorageTests {
  // MARK: Slab

  @Test func aSlabGrowsByChunksAndKeepsItsRecordsInPlace() {
    let slab = Slab<Int> { $0 * 10 }
    #expect(slab.count == 0 && slab.grow())
    let chunk = slab.count
    #expect(chunk > 0 && slab[0] == 0 && slab[chunk - 1] == (chunk - 1) * 10)
    let place = address(of: slab, 1)
    slab[1] = -5
    for _ in 0..<20 { #expect(slab.grow()) }
    #expect(slab.count == 21 * chunk && slab[1] == -5 && slab[20 * chunk] == 20 * chunk * 10)
    #expect(address(of: slab, 1) == place)
  }

  private func address(of slab: Slab<Int>, _ index: Int) -> UInt {
    unsafe withUnsafePointer(to: &slab[index]) { UInt(bitPattern: $0) }
  }

  @Test func aSlabDestroysWhatItHolds() {
    final class Counted {
      let counter: Locked<Int>
      init(_ counter: Locked<Int>) {
        self.counter = counter
        counter.change { $0 += 1 }
      }
      deinit { counter.change { $0 -= 1 } }
    }
    let alive = Locked(0)
    do {
      let slab = Slab<Counted> { _ in Counted(alive) }
      #expect(slab.grow() && slab.grow())
      #expect(alive.value == slab.count)
      slab[3] = Counted(alive)
      #expect(alive.value == slab.count)
    }
    #expect(alive.value == 0)
  }

  @Test func aRecordBeyondTheEndTraps() async {
    await #expect(processExitsWith: .failure) {
      let slab = Slab<Int> { $0 }
      _ = slab.grow()
      slab[slab.count] = 1
    }
  }

  // MARK: ViewNodes

  private func views(_ arena: BufferArena, _ sizes: [Int]) throws -> [DetachedView] {
    try sizes.map { try arena.message(Array(repeating: UInt8(truncatingIfNeeded: $0), count: $0)).detach() }
  }

  @Test func viewsLeaveAQueueInTheOrderInWhichTheyCame() throws {
    let arena = try BufferArena()
    let nodes = ViewNodes()
    var first = ViewQueue()
    var second = ViewQueue()
    let sizes = Array(1...300)
    for view in try views(arena, sizes) {
      #expect(nodes.append(view, to: &first))
      if let share = view.shareReader() { #expect(nodes.append(share, to: &second)) }
    }
    #expect(first.count == 300 && second.count == 300 && nodes.inUse == 600)
    for size in sizes {
      let (one, two) = (nodes.popFirst(&first), nodes.popFirst(&second))
      #expect(one?.count == UInt32(size) && two?.count == UInt32(size))
      one?.releaseReader()
      two?.releaseReader()
    }
    #expect(first.isEmpty && nodes.popFirst(&first) == nil && nodes.inUse == 0)
    #expect(arena.statistics.slotsOut == 0)
  }

  @Test func nodesAreUsedAgain() throws {
    let arena = try BufferArena()
    let nodes = ViewNodes()
    var queue = ViewQueue()
    for _ in 0..<5 {
      for view in try views(arena, Array(repeating: 10, count: 100)) { #expect(nodes.append(view, to: &queue)) }
      #expect(nodes.inUse == 100 && queue.first < 128)
      while let view = nodes.popFirst(&queue) { view.releaseReader() }
    }
    #expect(nodes.inUse == 0 && arena.statistics.slotsOut == 0)
  }

  /// Small views, each of which pins a slot, become few copies that they fill; the order of bytes stays.
  @Test func aQueueIsCompactedIntoCopiesThatFit() throws {
    let source = try BufferArena(.init(slotSizes: [4096]))
    let target = try BufferArena(.init(slotSizes: MemoryPlan.copySizes))
    let nodes = ViewNodes()
    let sizes = [1, 700, 300, 4096, 40, 1000, 1200]
    var queue = ViewQueue()
    for view in try views(source, sizes) { #expect(nodes.append(view, to: &queue)) }
    var expected: [UInt8] = []
    nodes.forEach(queue) { view in unsafe expected += UnsafeRawBufferPointer(start: view.base, count: Int(view.count)) }
    let account = target.openAccount()
    // The view that fills its slot pins nothing in vain.
    #expect(nodes.compact(&queue, from: source, into: target, account: account) == sizes.reduce(0, +) - 4096)
    #expect(source.slotsOut == 1)
    // 1001 bytes in one of 1024, and 2240 in two of 1024 and one of 256.
    #expect(target.accountState(account).charged == 3 * 1024 + 256 && queue.count == 5)
    var found: [UInt8] = []
    while let view = nodes.popFirst(&queue) {
      unsafe found += UnsafeRawBufferPointer(start: view.base, count: Int(view.count))
      view.releaseReader()
    }
    #expect(found == expected && nodes.inUse == 0)
    #expect(target.accountState(account).total == 0 && source.slotsOut == 0)
  }

  @Test func aViewThatContinuesTheLastOneJoinsIt() throws {
    let arena = try BufferArena()
    let nodes = ViewNodes()
    var queue = ViewQueue()
    var head = try arena.message(Array(0..<100))
    let middle = try head.split(at: 40)
    let rest = try middle.slice(30..<60)
    let skipped = try middle.slice(0..<30)
    #expect(nodes.append(head.detach(), to: &queue))
    let joining = skipped.detach()
    #expect(nodes.joinLast(joining, of: queue))
    let other = try arena.message([1]).detach()
    #expect(!nodes.joinLast(other, of: queue))
    #expect(nodes.joinLast(rest.detach(), of: queue) && queue.count == 1)
    middle.release()
    nodes.trimFirst(queue, by: 3)
    let view = ReadView(try #require(nodes.popFirst(&queue)))
    #expect(view.copied() == Array(3..<100))
    view.release()
    other.releaseReader()
    #expect(arena.statistics.slotsOut == 0)
  }

  // MARK: SendVectors

  @Test func aVectorNamesTheMemoryOfTheViews() throws {
    let arena = try BufferArena()
    let vectors = SendVectors()
    let list = try views(arena, [3, 200, 7])
    let message = unsafe try #require(vectors.begin(upTo: 3))
    for view in list {
      #expect(unsafe vectors.hasRoom(message))
      unsafe vectors.append(view.base, Int(view.count), to: message)
    }
    #expect(unsafe !vectors.hasRoom(message) && message.pointee.msg_iovlen == 3)
    for (place, view) in list.enumerated() {
      #expect(unsafe message.pointee.msg_iov[place].iov_base == view.base)
      #expect(unsafe message.pointee.msg_iov[place].iov_len == Int(view.count))
      view.releaseReader()
    }
  }

  @Test func theScratchOfATurnIsBounded() throws {
    let arena = try BufferArena()
    let vectors = SendVectors()
    let view = try views(arena, [1])[0]
    for _ in 0..<2 {
      var total = 0
      var messages = 0
      while let message = unsafe vectors.begin(upTo: 5000) {
        var count = 0
        while unsafe vectors.hasRoom(message) {
          unsafe vectors.append(view.base, Int(view.count), to: message)
          count += 1
        }
        // IOV_MAX.
        #expect(count <= 1024)
        total += count
        messages += 1
        try #require(messages < 100_000)
      }
      #expect(total >= 1024)
      vectors.reset()
    }
    view.releaseReader()
  }

  @Test func oneViewNeedsNoVector() {
    #expect(unsafe SendVectors().begin(upTo: 1) == nil)
  }

  // MARK: ConnectionBudget

  @Test func aBudgetGivesOutItsPlacesAndNoMore() {
    let budget = ConnectionBudget(limit: 2)
    #expect(budget.take() && budget.take() && !budget.take() && budget.inUse == 2)
    let called = Locked(0)
    budget.whenFree { called.change { $0 += 1 } }
    #expect(called.value == 0)
    budget.giveBack()
    #expect(called.value == 1 && budget.take() && !budget.take())
    budget.giveBack()
    budget.giveBack()
    #expect(called.value == 1 && budget.inUse == 0)
    budget.whenFree { called.change { $0 += 1 } }
    #expect(called.value == 2)
    #expect(ConnectionBudget(limit: 0).limit == 1)
  }

  @Test(.timeLimit(.minutes(5)))
  func aBudgetHoldsBetweenThreadsAndWakesEveryWaiter() async throws {
    let budget = ConnectionBudget(limit: 3)
    let most = Locked(0)
    try await blockingThreads(4) { _ in
      for _ in 0..<2000 {
        while !budget.take() {
          let isFree = Locked(false)
          budget.whenFree { isFree.change { $0 = true } }
          while !isFree.value { sched_yield() }
        }
        let now = budget.inUse
        most.change { $0 = max($0, now) }
        budget.giveBack()
      }
    }
    #expect(budget.inUse == 0 && most.value <= 3)
  }
}
