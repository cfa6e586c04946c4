import IOBuffers
import Synchronization
import SystemPackage
import Testing

@testable import URingBackend

/// The closure of a `ForeignBuffer` is user code: on a loop it runs between turns, never in the middle of one.
@Suite(.timeLimit(.minutes(5)))
struct ReleaseClosureTests {
  /// Memory of its own, of `count` words that all say the same, whose release is told.
  private static func words(
    _ number: UInt32,
    count: Int = 16,
    released: @escaping @Sendable () -> Void
  ) throws -> ReadView {
    let words = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: count)
    unsafe words.initialize(repeating: number)
    let buffer = try unsafe ForeignBuffer(adopting: UnsafeMutableRawBufferPointer(words)) { bytes in
      unsafe bytes.deallocate()
      released()
    }
    return try buffer.readView()
  }

  @Test func aClosureRunsOnTheLoopWhenTheTurnIsOver() async throws {
    let loop = try EventLoop.start()
    let order = Locked<[String]>([])
    let ran = Locked(false)
    loop.execute {
      do {
        try Self.words(1) {
          order.change { $0.append(loop.isCurrent ? "on the loop" : "elsewhere") }
          ran.change { $0 = true }
        }.release()
      } catch {
        Issue.record(error)
      }
      order.change { $0.append("released") }
    }
    // Nothing else happens on this loop: it must not fall asleep over it.
    try await eventually { ran.value }
    #expect(order.value == ["released", "on the loop"])
    await loop.shutdown()
  }

  @Test func aLoopDoesNotSleepWhileAClosureWaits() async throws {
    let waits = try await blocking {
      let kernel = StalledKernel()
      let loop = try EventLoop.make(EventLoop.Configuration(), index: 0, driver: kernel, logger: nil) {
        _,
        _ throws(RingError) in RecordingClient()
      }
      let ran = Locked(0)
      let releaseOne: @Sendable () -> Void = {
        do {
          try Self.words(1) { ran.change { $0 += 1 } }.release()
        } catch {
          Issue.record(error)
        }
      }
      kernel.onEnter = { kernel in
        switch kernel.enters {
        case 1: loop.submit(.closure(releaseOne))
        case 2: #expect(ran.value == 0)
        case 3: #expect(ran.value == 1)
        default:
          loop.stopping = true
          kernel.wake()
        }
        return nil
      }
      loop.run()
      kernel.onEnter = nil
      return Array(kernel.waits.prefix(3))
    }
    #expect(waits == [1, 0, 1])
  }

  @Test func whatALoopCollectedIsRunAtItsEnd() async throws {
    for _ in 0..<TestRun.amount(50, short: 10, long: 1000) {
      let loop = try EventLoop.start()
      let ran = Locked(0)
      let work: @Sendable () -> Void = {
        do {
          // One causes the next.
          try Self.words(1) {
            do {
              try Self.words(2) { ran.change { $0 += 1 } }.release()
            } catch {
              Issue.record(error)
            }
          }.release()
        } catch {
          Issue.record(error)
        }
      }
      async let end: Void = loop.shutdown()
      for _ in 0..<10 { loop.execute(work) }
      await end
      // After the end such a closure runs at once, as on any other thread.
      loop.execute(work)
      try await eventually { ran.value == 11 }
    }
  }

  /// Each message that goes out brings the next one, from within its own release, into a queue that is long enough for
  /// its views to be copied together: no byte of one message gets into another.
  @Test func aClosureMaySendTheNextMessageAtOnce() async throws {
    let listener = try PlainListener()
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: .loopback(port: listener.port), on: loop)
    let peer = try await blocking { try listener.accept() }
    let messages = 2000
    let id = connection.id
    await loop.onLoop { loop in
      for number in 0..<UInt32(messages) {
        do {
          let sent = try loop.withConnection(id) { connection in
            connection.send(
              try Self.words(number) {
                // Where it comes too early, it is in the middle of the first send.
                do {
                  _ = try loop.withConnection(id) { $0.send(try Self.words(number + 100_000) {}) }
                } catch {
                  Issue.record(error)
                }
              }
            )
          }
          #expect(sent == true)
        } catch {
          Issue.record(error)
        }
      }
    }
    let words = try await blocking {
      let bytes = try peer.receive(exactly: 2 * messages * 64)
      return unsafe bytes.withUnsafeBytes { unsafe Array($0.bindMemory(to: UInt32.self)) }
    }
    #expect(words.count == 2 * messages * 16)
    let numbers = stride(from: 0, to: words.count, by: 16).map { words[$0] }
    let isWhole = stride(from: 0, to: words.count, by: 16).allSatisfy { start in
      words[start..<start + 16].allSatisfy { $0 == words[start] }
    }
    #expect(isWhole)
    #expect(numbers.filter { $0 < 100_000 } == Array(0..<UInt32(messages)))
    // In the order of the releases: what was copied is free before what the kernel sends from its own place.
    #expect(numbers.filter { $0 >= 100_000 }.sorted() == Array(100_000..<100_000 + UInt32(messages)))
    await connection.close()
    await loop.shutdown()
    #expect(loop.arena.statistics.slotsOut == 0)
  }
}
