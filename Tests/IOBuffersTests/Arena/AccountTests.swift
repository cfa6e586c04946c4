import IOBuffers
import Testing

/// Copies that are charged to somebody, through the arena.
@Suite("Accounts", .timeLimit(.minutes(10)))
struct AccountTests {
  @Test("the header of a slot is one cache line")
  func headerSize() {
    #expect(MemoryLayout<SlotHeader>.size == 64)
    #expect(MemoryLayout<SlotHeader>.stride == 64)
  }

  @Test("a copy has the bytes, in the smallest slot that they fit into, and leaves the original alone")
  func copies() throws {
    let arena = try BufferArena(.accounts())
    let account = arena.openAccount()
    for count in [0, 1, 64, 65, 256, 257, 1000, 5000, 16_385, 65_536] {
      let original = try arena.buffer(pattern(count)).finish().detach()
      let copy = try #require(arena.copy(original, chargedTo: account))
      let least = try #require(Sizes.all.first { $0 >= count })
      #expect(copy.slot.capacity == least)
      #expect(copy.slot.lockWord == LockWord(LockWord.oneReader))
      #expect(original.slot.lockWord == LockWord(LockWord.oneReader))
      #expect(arena.accountState(account) == .init(charged: least, total: least, holders: 1))
      original.releaseReader()
      let view = ReadView(copy)
      #expect(view.array() == pattern(count))
      view.release()
      #expect(arena.accountState(account) == .init(charged: 0, total: 0, holders: 0))
    }
    #expect(arena.slotsOut == 0)
  }

  @Test("a part of a slot is copied, not the slot")
  func copiesPart() throws {
    let arena = try BufferArena(.accounts())
    let account = arena.openAccount()
    let whole = try arena.buffer(pattern(60_000)).finish()
    let part = try whole.slice(59_000..<59_040).detach()
    let copy = ReadView(try #require(arena.copy(part, chargedTo: account)))
    part.releaseReader()
    whole.release()
    #expect(arena.slotsOut == 1)
    #expect(arena.accountState(account).charged == 64)
    #expect(copy.array() == Array(pattern(60_000)[59_000..<59_040]))
  }

  @Test("an account is charged until the last view is gone, whoever has it")
  func chargedUntilHome() throws {
    let arena = try BufferArena(.accounts())
    let account = arena.openAccount()
    let view = ReadView(try #require(arena.charged(100, to: account)))
    let part = try view.slice(0..<1)
    view.release()
    #expect(arena.accountState(account).charged == 256)
    part.release()
    #expect(arena.accountState(account).charged == 0)
  }

  @Test("other slots are charged to nobody, also those that were charged before")
  func othersAreNotCharged() throws {
    let arena = try BufferArena(.accounts())
    let account = arena.openAccount()
    try #require(arena.charged(4096, to: account)).releaseReader()
    let buffer = try arena.allocate(minimumCapacity: 4096)
    let posted = try #require(arena.takeForKernel(slotBytes: 4096))
    #expect(arena.accountState(account) == .init(charged: 0, total: 0, holders: 0))
    #expect(arena.slotsOut == 2)
    posted.releaseFromKernel()
    _ = consume buffer
    #expect(arena.accountState(account) == .init(charged: 0, total: 0, holders: 0))
  }

  @Test("accounts are kept apart, and added up")
  func apart() throws {
    let arena = try BufferArena(.accounts())
    let accounts = (0..<3).map { _ in arena.openAccount() }
    let views = try zip(accounts, [64, 256, 1024]).map { try #require(arena.charged($1, to: $0)) }
    #expect(accounts.map { arena.accountState($0).charged } == [64, 256, 1024])
    #expect(arena.accountState(accounts[0]) == .init(charged: 64, total: 1344, holders: 3))
    views[1].releaseReader()
    #expect(arena.accountState(accounts[1]) == .init(charged: 0, total: 1088, holders: 2))
    views[0].releaseReader()
    views[2].releaseReader()
  }

  @Test("released on other threads, everything is discharged")
  func otherThreads() async throws {
    let arena = try BufferArena(.accounts())
    let accounts = (0..<4).map { _ in arena.openAccount() }
    let rounds = Settings.repetitions(2000)
    for _ in 0..<4 {
      let views = Journal<DetachedView>()
      let isDone = Counter()
      async let released = onThread {
        var taken = 0
        while true {
          let last = isDone.value > 0
          let entries = views.entries
          for view in entries[taken...] { view.releaseReader() }
          taken = entries.count
          if last { return taken }
        }
      }
      for round in 0..<rounds / 4 {
        guard let view = arena.charged(1 + round % 300, to: accounts[round % 4]) else { continue }
        views.append(view)
      }
      isDone.add()
      #expect(await released > 0)
    }
    for account in accounts { #expect(arena.accountState(account) == .init(charged: 0, total: 0, holders: 0)) }
    #expect(arena.slotsOut == 0)
  }

  @Test("an account that is closed with views out lives until they are home")
  func closedWithViewsOut() throws {
    let arena = try BufferArena(.accounts())
    let account = arena.openAccount()
    let view = try #require(arena.charged(10, to: account))
    arena.closeAccount(account)
    #expect(arena.charged(10, to: account) == nil)
    #expect(arena.accountState(account) == .init(charged: 64, total: 64, holders: 1))
    let other = arena.openAccount()
    #expect(other != account)
    #expect(arena.accountState(other).charged == 0)
    view.releaseReader()
    #expect(arena.accountState(account).total == 0)
    #expect(arena.openAccount() == account)
  }

  @Test("nobody's name cannot be charged", arguments: [0, 1, UInt32.max])
  func unknownAccount(_ account: UInt32) throws {
    let arena = try BufferArena(.accounts())
    #expect(arena.charged(10, to: account) == nil)
    #expect(arena.slotsOut == 0)
  }

  @Test("without a slot there is no copy; memory that came home is found")
  func dry() throws {
    let arena = try BufferArena(.small([256]))
    let account = arena.openAccount()
    let source = try arena.buffer([1, 2, 3]).finish().detach()
    let (buffers, _) = arena.drain(256)
    #expect(buffers.count == 255)
    #expect(arena.copy(source, chargedTo: account) == nil)
    #expect(arena.accountState(account) == .init(charged: 0, total: 0, holders: 0))
    buffers[9].drop()
    let copy = ReadView(try #require(arena.copy(source, chargedTo: account)))
    #expect(copy.array() == [1, 2, 3])
    copy.release()
    source.releaseReader()
  }

  @Test("a copy takes a slot one class larger at most")
  func oneClassLarger() throws {
    for (sizes, capacity) in [([256, 1024, 4096], nil), ([1024, 4096], 4096), ([4096], 4096)] as [([Int], Int?)] {
      let arena = try BufferArena(.small(sizes))
      let account = arena.openAccount()
      // All memory is mapped for the largest class, and one slot of it is free, in a segment that is in use.
      let (large, _) = arena.drain(4096)
      #expect(large.count == 16)
      large[9].drop()
      let copy = arena.charged(3, to: account)
      #expect(copy?.slot.capacity == capacity)
      copy?.releaseReader()
    }
  }

  @Test("a closed arena copies nothing, and still discharges what comes home")
  func closedArena() throws {
    let arena = try BufferArena(.accounts())
    let account = arena.openAccount()
    let view = try #require(arena.charged(10, to: account))
    arena.close()
    #expect(arena.copy(view, chargedTo: account) == nil)
    #expect(arena.accountState(account).charged == 64)
    view.releaseReader()
    #expect(arena.accountState(account) == .init(charged: 0, total: 0, holders: 0))
  }

  @Test("diagnostics list a copy as a reader")
  func diagnostics() throws {
    let arena = try BufferArena(.accounts(diagnostics: .everyView))
    let account = arena.openAccount()
    let view = try #require(arena.charged(10, to: account))
    #expect(arena.holders().map(\.mode) == [.read])
    #expect(arena.holders().map(\.bytes) == [10])
    view.releaseReader()
    #expect(arena.holders().isEmpty)
  }

  @Test("an arena knows its own views")
  func owns() throws {
    let arena = try BufferArena(.accounts())
    let other = try BufferArena(.accounts())
    let mine = try arena.buffer([1]).finish().detach()
    let theirs = try other.buffer([1]).finish().detach()
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
    let foreign = try unsafe ForeignBuffer(adopting: memory) { unsafe $0.deallocate() }.readView().detach()
    #expect(arena.owns(mine))
    #expect(!arena.owns(theirs))
    #expect(!arena.owns(foreign))
    #expect(other.owns(theirs))
    for view in [mine, theirs, foreign] { view.releaseReader() }
  }

  @Test("many size classes fit into a small arena", arguments: [64 << 10, 128 << 10, 1 << 20, 24 << 20])
  func manyClasses(_ byteLimit: Int) throws {
    let arena = try BufferArena(.accounts(byteLimit: byteLimit))
    let account = arena.openAccount()
    let small = Sizes.all.filter { $0 <= byteLimit / 4 }
    // A copy of each size at a time, again and again.
    for _ in 0..<3 {
      let views = try small.map { try #require(arena.charged($0, to: account), "\($0) bytes") }
      #expect(zip(views, small).allSatisfy { $0.slot.capacity == $1 })
      for view in views { view.releaseReader() }
    }
    // And what the arena can hold at all.
    #expect(failure { try arena.allocate(minimumCapacity: 65_536) } == nil)
    #expect(arena.slotsOut == 0)
  }

  @Test("small sizes start with one page", arguments: [64, 256])
  func onePageFirst(_ slotBytes: Int) throws {
    let arena = try BufferArena(.accounts(byteLimit: 24 << 20))
    let buffer = try arena.allocate(minimumCapacity: slotBytes)
    #expect(buffer.capacity == slotBytes)
    #expect(arena.statistics.mappedBytes == 4096)
  }
}

private enum Sizes {
  static let all = [64, 256, 1024, 4096, 16_384, 65_536]
}

extension BufferArena.Configuration {
  fileprivate static func accounts(byteLimit: Int = 1 << 20, diagnostics: BufferArena.Diagnostics = .off) -> Self {
    Self(byteLimit: byteLimit, slotSizes: Sizes.all, diagnostics: diagnostics)
  }
}

extension BufferArena {
  /// A charged copy of `count` bytes that are in nobody's arena.
  fileprivate func charged(_ count: Int, to account: UInt32) -> DetachedView? {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 8)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 7)
    let buffer = try? unsafe ForeignBuffer(adopting: memory) { unsafe $0.deallocate() }
    guard let source = try? buffer?.readView().detach() else { return nil }
    defer { source.releaseReader() }
    return copy(source, chargedTo: account)
  }
}
