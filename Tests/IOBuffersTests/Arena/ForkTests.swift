import Glibc
import IOBuffers
import Testing

@Suite("Forked children", .timeLimit(.minutes(10)))
struct ForkTests {
  @Test("a child gets a clear error from its parent's arena, and may have one of its own")
  func child() async {
    // In a process of its own, with few threads: a child of fork(2) has only the one that called it.
    await #expect(processExitsWith: .success) {
      let arena = try BufferArena(.small())
      let buffer = try arena.buffer(pattern(10))
      let status = try #require(
        inChild {
          guard failure({ try arena.allocate(minimumCapacity: 1) }) == .forked else { return 1 }
          guard arena.takeForKernel(slotBytes: 256) == nil else { return 2 }
          guard let own = try? BufferArena(.small()), let mine = try? own.buffer(pattern(20)) else { return 3 }
          guard (try? mine.readView().array()) == pattern(20) else { return 4 }
          guard failure({ try arena.allocate(minimumCapacity: 1) }) == .forked else { return 5 }
          return 0
        }
      )
      try #require(status == 0)
      // The parent did not notice.
      #expect(try buffer.readView().array() == pattern(10))
      #expect(failure { try arena.allocate(minimumCapacity: 1) } == nil)
    }
  }

  @Test("a child that drops what its parent lent harms nobody")
  func drop() async {
    await #expect(processExitsWith: .success) {
      var arena: BufferArena? = try BufferArena(.small())
      let keeper = Keeper(try #require(arena).buffer(pattern(10)))
      let view = try #require(try keeper.lockedView())
      let status = try #require(
        inChild {
          keeper.drop()
          view.empty()
          arena?.trim()
          arena?.close()
          arena = nil
          return 0
        }
      )
      try #require(status == 0)
      #expect(try keeper.array() == pattern(10))
      #expect(arena?.statistics.slotsOut == 1)
    }
  }
}

/// Runs `body` in a forked child. Returns its exit status, nil if it crashed or hung.
private func inChild(_ body: () -> Int32) -> Int32? {
  // fork(2), which the importer hides because it is dangerous. It is what this test is about.
  typealias Fork = @convention(c) () -> pid_t
  guard let symbol = unsafe Settings.symbol("fork") else { return nil }
  let child = unsafe unsafeBitCast(symbol, to: Fork.self)()
  if child == 0 {
    alarm(60)
    _exit(body())
  }
  var status: Int32 = 0
  guard child > 0, unsafe waitpid(child, &status, 0) == child, status & 0x7F == 0 else { return nil }
  return status >> 8 & 0xFF
}
