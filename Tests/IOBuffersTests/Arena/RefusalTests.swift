import IOBuffers
import Testing

/// The system refuses memory: everybody is told, or waits and is not forgotten.
@Suite("When the system refuses memory", .timeLimit(.minutes(10)))
struct RefusalTests {
  /// ENOMEM of Linux, and of all other systems.
  private static let noMemory: Int32 = 12

  /// An arena, and a system that refuses as long as it is told to.
  private struct Setting {
    let arena: BufferArena
    private let refusals = Counter()

    init(_ configuration: BufferArena.Configuration, isRefusing: Bool = false) {
      arena = BufferArena(configuration) { [refusals] _ in refusals.value > 0 ? RefusalTests.noMemory : nil }
      if isRefusing { refuse() }
    }

    func refuse() { refusals.add() }
    func relent() { refusals.add(-refusals.value) }
  }

  @Test("a buffer: an error that says so, and success as soon as there is memory")
  func allocate() async throws {
    let setting = Setting(.small([256]), isRefusing: true)
    let arena = setting.arena
    let error = BufferError.mapFailed(errno: Self.noMemory, bytes: 4096)
    #expect(failure { try arena.allocate(minimumCapacity: 1) } == error)
    #expect(arena.mapFailure == error)
    #expect(await failure { try await arena.allocateWhenAvailable(minimumCapacity: 1) } == error)
    let large = BufferError.mapFailed(errno: Self.noMemory, bytes: 8192)
    #expect(failure { try arena.allocate(minimumCapacity: 5000) } == large)
    #expect(arena.mapFailure == large)
    #expect(arena.statistics.mappedBytes == 0)
    setting.relent()
    let buffer = try arena.allocate(minimumCapacity: 1)
    #expect(buffer.capacity == 256)
    #expect(arena.mapFailure == nil)
    // What is mapped already serves on.
    setting.refuse()
    #expect(arena.drain(1).buffers.count == 15)
  }

  @Test("who waits and then meets a refusal is told so")
  func waiter() async throws {
    let setting = Setting(.small([256, 16 << 10]))
    let arena = setting.arena
    let (buffers, _) = arena.drain(256)
    #expect(buffers.count == 256)
    let task = Task { await failure { try await arena.allocateWhenAvailable(minimumCapacity: 16 << 10) } }
    #expect(await eventually { arena.statistics.waiting == 1 })
    setting.refuse()
    for buffer in buffers { buffer.drop() }
    #expect(await task.value == .mapFailed(errno: Self.noMemory, bytes: 16 << 10))
    #expect(arena.statistics.waiting == 0)
  }

  @Test("slots for the kernel: none, and the arena says why")
  func takeForKernel() throws {
    let setting = Setting(.small([4096]), isRefusing: true)
    #expect(setting.arena.takeForKernel(slotBytes: 4096) == nil)
    #expect(setting.arena.takeForKernel(slotBytes: 10_000) == nil)
    #expect(setting.arena.mapFailure == .mapFailed(errno: Self.noMemory, bytes: 12_288))
    setting.relent()
    let slot = try #require(setting.arena.takeForKernel(slotBytes: 4096))
    #expect(setting.arena.mapFailure == nil)
    slot.releaseFromKernel()
  }

  @Test("a copy: none")
  func copy() throws {
    let setting = Setting(.small([256, 4096]))
    let source = try setting.arena.buffer(pattern(3000)).finish().detach()
    let account = setting.arena.openAccount()
    setting.refuse()
    let small = ReadView(source)
    let part = try small.slice(0..<10).detach()
    #expect(setting.arena.copy(part, chargedTo: account) == nil)
    #expect(setting.arena.accountState(account).total == 0)
    setting.relent()
    let copy = try #require(setting.arena.copy(part, chargedTo: account))
    for view in [part, copy] { view.releaseReader() }
  }

  @Test("no promise is made of memory that the system may refuse", arguments: [4096, 20_000, 64 << 10])
  func noPromise(_ slotBytes: Int) throws {
    let setting = Setting(.small([4096]), isRefusing: true)
    let arena = setting.arena
    let calls = Counter()
    arena.whenAvailable(slotBytes: slotBytes) { calls.add() }
    #expect(calls.value == 0)
    #expect(arena.statistics.waiting == 1)
    // Asking changes nothing as long as it is so.
    arena.retryWaiters()
    #expect(calls.value == 0)
    setting.relent()
    #expect(calls.value == 0)
    arena.retryWaiters()
    #expect(calls.value == 1)
    #expect(arena.statistics.waiting == 0)
    // And now the promise is kept, whatever the system does.
    setting.refuse()
    let slot = try #require(arena.takeForKernel(slotBytes: slotBytes))
    #expect(Int(slot.count) >= slotBytes)
    slot.releaseFromKernel()
  }

  @Test("a promise is kept when others take all there is", arguments: [4096, 20_000])
  func promiseIsKept(_ slotBytes: Int) throws {
    let setting = Setting(.small([4096]))
    let arena = setting.arena
    let calls = Counter()
    arena.whenAvailable(slotBytes: slotBytes) { calls.add() }
    #expect(calls.value == 1)
    #expect(arena.trim() == 0)
    let (buffers, _) = arena.drain(4096)
    #expect(buffers.count == 16 - (slotBytes + 4095) / 4096)
    setting.refuse()
    let slot = try #require(arena.takeForKernel(slotBytes: slotBytes))
    #expect(Int(slot.count) >= slotBytes)
    slot.releaseFromKernel()
    #expect(arena.statistics.slotsOut == buffers.count)
  }

  @Test("a large slot that was promised and not taken is given back")
  func promiseIsForgotten() throws {
    let arena = Setting(.small([4096])).arena
    arena.whenAvailable(slotBytes: 20_000) {}
    #expect(arena.statistics.mappedBytes == 20_480)
    #expect(arena.takeForKernel(slotBytes: 4096, count: 0).isEmpty)
    #expect(arena.statistics.mappedBytes == 0)
    // So is one of an arena that is closed.
    arena.whenAvailable(slotBytes: 20_000) {}
    #expect(arena.statistics.mappedBytes == 20_480)
    arena.close()
    #expect(arena.statistics.mappedBytes == 0)
    #expect(arena.statistics.segments == 0)
  }

  @Test("all who wait while nothing is lent are served when somebody asks again")
  func retry() async throws {
    let setting = Setting(.small([256, 4096]), isRefusing: true)
    let arena = setting.arena
    let calls = Journal<Int>()
    for slotBytes in [4096, 256, 20_000, 100] { arena.whenAvailable(slotBytes: slotBytes) { calls.append(slotBytes) } }
    #expect(arena.statistics.waiting == 4)
    setting.relent()
    arena.retryWaiters()
    #expect(calls.entries == [4096, 256, 20_000, 100])
    #expect(arena.takeForKernel(slotBytes: 4096, count: 0).isEmpty)
  }

  @Test("a slot that comes home serves who waits, refusal or not")
  func homecoming() throws {
    let setting = Setting(.small([4096]))
    let arena = setting.arena
    let slot = try #require(arena.takeForKernel(slotBytes: 4096))
    setting.refuse()
    let calls = Counter()
    for _ in 0..<2 { arena.whenAvailable(slotBytes: 4096) { calls.add() } }
    #expect(calls.value == 0)
    slot.releaseFromKernel()
    #expect(calls.value == 1)
    // With memory back, the next one that comes home brings the others in.
    setting.relent()
    try #require(arena.takeForKernel(slotBytes: 4096)).releaseFromKernel()
    #expect(calls.value == 2)
  }

  @Test("the kernel gets no more bytes at a time than readers of one byte each can be counted")
  func largestPosted() throws {
    let arena = try BufferArena(BufferArena.Configuration(byteLimit: 1 << 30, slotSizes: [1 << 29]))
    let limit = BufferArena.largestPosted
    #expect(limit < Int(LockWord.readersMask) - Int(LockWord.viewLimit))
    let slot = try #require(arena.takeForKernel(slotBytes: limit))
    #expect(Int(slot.count) == limit)
    #expect(slot.slot.capacity == 1 << 29)
    #expect(arena.takeForKernel(slotBytes: limit + 1) == nil)
    slot.releaseFromKernel()
  }

  @Test("sizes that no arena or not this one can ever have are refused")
  func impossible() throws {
    let arena = try BufferArena(.small([4096]))
    let calls = Counter()
    func error(_ slotBytes: Int) -> BufferError? { failure { try arena.requirePossible(slotBytes: slotBytes) } }
    #expect(error(-1) == .negativeSize(-1))
    #expect(error(65_537) == .limitReached(requested: 65_537, mapped: 0, limit: 65_536))
    #expect(error(1 << 32) == .tooLarge(requested: 1 << 32, limit: BufferArena.largestPosted))
    for slotBytes in [0, 1, 4096, 4097, 65_536] { #expect(error(slotBytes) == nil, "\(slotBytes)") }
    // Nobody waits for them for ever, and nobody is told that they are there.
    for slotBytes in [65_537, 1 << 32] {
      weak var isKept: Counter?
      do {
        let mark = Counter()
        isKept = mark
        #expect(!arena.whenAvailable(slotBytes: slotBytes) { calls.add(1 + mark.value) })
      }
      #expect(isKept == nil)
    }
    let vast = try BufferArena(BufferArena.Configuration(byteLimit: 1 << 40))
    #expect(!vast.whenAvailable(slotBytes: 1 << 32) { calls.add() })
    #expect(failure { try vast.requirePossible(slotBytes: 1 << 32) } != nil)
    #expect(calls.value == 0)
    #expect(arena.statistics.waiting == 0)
  }
}
