import IOBuffers
import Testing

/// Under the address sanitizer, memory that nobody may touch is poisoned: free slots, and what the kernel writes to.
@Suite("Poisoned memory", .enabled(if: Settings.isAddressSanitized, "needs --sanitize address"))
struct PoisonTests {
  @Test("a slot is poisoned whenever it is at home")
  func freeSlots() throws {
    let arena = try BufferArena(.small([256]))
    let buffer = Keeper(try arena.buffer(pattern(10)))
    let address = try #require(try buffer.address())
    let view = try #require(try buffer.lockedView())
    #expect(!isPoisoned(address))
    #expect(!isPoisoned(address + 255))
    // The neighbour was never lent.
    #expect(isPoisoned(address + 256))
    buffer.drop()
    #expect(!isPoisoned(address))
    view.empty()
    #expect(isPoisoned(address))
    #expect(isPoisoned(address + 255))
    let again = Keeper(try arena.buffer(pattern(10)))
    #expect(try again.address() == address)
    #expect(!isPoisoned(address))
  }

  @Test("what the kernel holds is poisoned until it says what it filled")
  func kernel() throws {
    let arena = try BufferArena(.small([256]))
    let slot = try #require(arena.takeForKernel(slotBytes: 256))
    let address = unsafe UInt(bitPattern: slot.base)
    #expect(isPoisoned(address))
    let first = slot.filled(at: 0, count: 64, last: false)
    #expect(!isPoisoned(address))
    #expect(!isPoisoned(address + 63))
    #expect(isPoisoned(address + 64))
    let second = slot.filled(at: 64, count: 64, last: true)
    #expect(!isPoisoned(address + 127))
    #expect(isPoisoned(address + 128))
    first.releaseReader()
    #expect(!isPoisoned(address))
    second.releaseReader()
    #expect(isPoisoned(address))
  }

  @Test("a slot that the kernel had and an owner gets is not poisoned", arguments: [256, 100_000])
  func afterKernel(_ bytes: Int) throws {
    let arena = try BufferArena(.small([256], byteLimit: 1 << 20))
    arena.takeForKernel(slotBytes: 256)?.releaseFromKernel()
    var buffer = try arena.allocate(minimumCapacity: bytes)
    try buffer.resize(to: bytes)
    let view = try buffer.readView()
    #expect(!isPoisoned(view.address))
    #expect(!isPoisoned(view.address + UInt(bytes) - 1))
  }

  @Test("a use after release ends the program")
  func useAfterRelease() async {
    await #expect(processExitsWith: .failure) {
      let arena = try BufferArena(.small([256]))
      let detached = try arena.buffer(pattern(10)).finish().detach()
      detached.releaseReader()
      // memchr(3), which the sanitizer watches.
      print(ReadView(detached).firstIndex(of: 5) ?? -1)
      withExtendedLifetime(arena) {}
    }
  }

  private func isPoisoned(_ address: UInt) -> Bool {
    typealias Query = @convention(c) (UInt) -> Int32
    guard let symbol = unsafe Settings.symbol("__asan_address_is_poisoned") else { return false }
    return unsafe unsafeBitCast(symbol, to: Query.self)(address) != 0
  }
}
