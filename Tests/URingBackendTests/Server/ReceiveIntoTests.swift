import CLiburing
import IOBuffers
import Synchronization
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Receiving into a buffer of the caller's: nothing is lost between it and `receive()`, and the kernel lets go of the memory
/// before the caller has it back.
@Suite(.timeLimit(.minutes(3)))
struct ReceiveIntoTests {
  /// The body's buffer, byte by byte.
  private static func bytes(_ buffer: borrowing PooledBuffer) throws -> [UInt8] {
    let view = try buffer.readView()
    return view.withBytes { span in unsafe span.withUnsafeBytes { unsafe Array($0) } }
  }

  private static func value(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
  }

  @Test(arguments: [1, 100, 65_536, 1 << 20, 5_000_001])
  func aValueOfAnySizeLandsWhereItStays(size: Int) async throws {
    let value = Self.value(size)
    let received = try await serveOne(
      client: { client in
        try client.send([7, 7])
        try client.send(value)
        try client.send([8, 8, 8])
        #expect(try client.receive(exactly: 1) == [1])
      },
      body: { connection in
        // What came with the header is copied, …
        var buffer = try await connection.allocate(minimumCapacity: size)
        #expect(try await connection.receive(2, into: &buffer) == 2)
        #expect(try Self.bytes(buffer) == [7, 7])
        try buffer.removeAll()
        // … the rest is not.
        #expect(try await connection.receive(size, into: &buffer) == size)
        let result = try Self.bytes(buffer)
        var rest = 0
        while rest < 3, let view = try await connection.receive() { rest += view.count }
        #expect(rest == 3)
        var reply = try connection.arena.allocate(minimumCapacity: 1)
        try reply.append(UInt8(1))
        try await connection.send(reply)
        return result
      }
    )
    #expect(received == value)
  }

  /// Views and buffers take turns, on the loop and off it, while the peer sends in pieces of its own.
  @Test(arguments: Place.allCases, [1, 2, 3])
  func takingTurnsWithReceiveLosesNoByte(place: Place, seed: UInt64) async throws {
    let total = TestRun.amount(2_000_000, short: 400_000, long: 20_000_000)
    let stream = Self.value(total)
    let received = try await serveOne(
      place,
      client: { client in
        var random = Noise(seed: seed)
        var sent = 0
        while sent < total {
          let count = min(total - sent, Int.random(in: 1...30_000, using: &random))
          try client.send(Array(stream[sent..<(sent + count)]))
          sent += count
        }
        try client.closeOutput()
        _ = client.isEnded()
      },
      body: { connection in
        var random = Noise(seed: seed &+ 100)
        var all: [UInt8] = []
        while true {
          if Int.random(in: 1...2, using: &random) == 1 {
            guard let view = try await connection.receive() else { break }
            view.withBytes { span in unsafe span.withUnsafeBytes { unsafe all.append(contentsOf: $0) } }
          } else {
            let count = Int.random(in: 1...50_000, using: &random)
            var buffer = try await connection.allocate(minimumCapacity: count)
            let came = try await connection.receive(count, into: &buffer)
            #expect(came == buffer.count)
            all += try Self.bytes(buffer)
            if came < count { break }
          }
        }
        return all
      }
    )
    #expect(received == stream)
  }

  @Test func theEndInTheMiddleIsAShortCount() async throws {
    let count = try await serveOne(
      client: { client in
        try client.send([1, 2, 3])
        try client.closeOutput()
        _ = client.isEnded()
      },
      body: { connection in
        var buffer = try await connection.allocate(minimumCapacity: 10)
        let count = try await connection.receive(10, into: &buffer)
        #expect(try Self.bytes(buffer) == [1, 2, 3])
        #expect(try await connection.receive(10, into: &buffer) == 0)
        #expect(try await connection.receive() == nil)
        return count
      }
    )
    #expect(count == 3)
  }

  @Test func aResetIsAnErrorAndWhatHadComeIsThere() async throws {
    let outcome = try await serveOne(
      client: { client in
        try client.send([1, 2, 3])
        #expect(try client.receive(exactly: 1) == [1])
        try client.reset()
      },
      body: { connection -> (SocketError?, Int) in
        var reply = try connection.arena.allocate(minimumCapacity: 1)
        try reply.append(UInt8(1))
        try await connection.send(reply)
        var buffer = try await connection.allocate(minimumCapacity: 10)
        do throws(SocketError) {
          _ = try await connection.receive(10, into: &buffer)
          return (nil, buffer.count)
        } catch {
          return (error, buffer.count)
        }
      }
    )
    #expect(outcome.0?.errno == .connectionReset && outcome.1 <= 3)
  }

  @Test(arguments: 0..<10)
  func aCancelledCallLosesNothingAndTheNextOneGoesOn(round: Int) async throws {
    let stream = Self.value(300_000)
    let received = try await serveOne(
      client: { client in
        for start in stride(from: 0, to: stream.count, by: 10_000) {
          try client.send(Array(stream[start..<(start + 10_000)]))
          usleep(useconds_t(100 + round * 20))
        }
        try client.closeOutput()
        _ = client.isEnded()
      },
      body: { connection in
        var all: [UInt8] = []
        while true {
          let piece = Task(executorPreference: connection.loop) { () -> ([UInt8], Bool) in
            var buffer = try await connection.allocate(minimumCapacity: 100_000)
            var count = 100_000
            do throws(SocketError) {
              count = try await connection.receive(100_000, into: &buffer)
            } catch {
              #expect(error.kind == .cancelled)
            }
            return (try Self.bytes(buffer), count < 100_000)
          }
          // Not by yielding: a call that throws costs the test's own runtime more than it takes to receive.
          try await connection.loop.sleep(for: .microseconds(100 + 50 * round))
          piece.cancel()
          let (bytes, isEnd) = try await piece.value
          all += bytes
          if isEnd { break }
        }
        return all
      }
    )
    #expect(received == stream)
  }

  /// The kernel has let go of the memory when the call is over, whoever ended it.
  @Test(arguments: ["close", "abort", "stop", "idle"])
  func whoeverEndsTheConnectionTheMemoryComesBackUnlocked(end: String) async throws {
    var configuration = TCPServer.Configuration()
    configuration.drainTimeout = .milliseconds(10)
    if end == "idle" { configuration.limits.idleTimeout = .milliseconds(50) }
    let (results, report) = AsyncStream<SocketError?>.makeStream()
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        let other = Task {
          switch end {
          case "close":
            while await !connection.hasReceiveInto { await Task.yield() }
            await connection.close()
          case "abort":
            while await !connection.hasReceiveInto { await Task.yield() }
            await connection.abort()
          case "stop":
            while await !connection.hasReceiveInto { await Task.yield() }
            server.shutdown()
          default: break
          }
        }
        var buffer = try connection.arena.allocate(minimumCapacity: 1000)
        do throws(SocketError) {
          _ = try await connection.receive(1000, into: &buffer)
          report.yield(nil)
        } catch {
          report.yield(error)
        }
        // Locked memory could be neither written to nor moved.
        try buffer.removeAll()
        try buffer.append(utf8: "mine again")
        await other.value
      }
    }
    let client = try BlockingClient(port: running.port)
    try client.send([1])
    var error: SocketError??
    for await one in results {
      error = one
      break
    }
    let kind: SocketError.Kind =
      switch end {
      case "stop": .shuttingDown
      case "idle": .idle
      default: .closed
      }
    #expect(try #require(error)?.kind == kind)
    try await running.settles()
    try await running.stop()
    client.close()
  }

  @Test func asWithReceiveThereIsOneReaderAtATime() async throws {
    let kinds = try await serveOne(
      client: { client in
        #expect(try client.receive(exactly: 1) == [1])
        try client.send([1, 2, 3, 4])
        _ = client.isEnded()
      },
      body: { connection -> [SocketError.Kind?] in
        async let first: Int = {
          var buffer = try await connection.allocate(minimumCapacity: 4)
          return try await connection.receive(4, into: &buffer)
        }()
        while await !connection.hasReceiveInto { await Task.yield() }
        var kinds: [SocketError.Kind?] = []
        do throws(SocketError) {
          _ = try await connection.receive()?.count
          kinds.append(nil)
        } catch {
          kinds.append(error.kind)
        }
        do throws(SocketError) {
          var buffer = try await connection.allocate(minimumCapacity: 4)
          _ = try await connection.receive(4, into: &buffer)
          kinds.append(nil)
        } catch {
          kinds.append(error.kind)
        }
        var reply = try connection.arena.allocate(minimumCapacity: 1)
        try reply.append(UInt8(1))
        try await connection.send(reply)
        #expect(try await first == 4)
        return kinds
      }
    )
    #expect(kinds == [.busy, .busy])
  }

  @Test func aBufferThatCannotTakeThemIsAClearError() async throws {
    let errnos = try await serveOne(
      client: { client in
        try client.send([1, 2, 3, 4])
        _ = client.isEnded()
      },
      body: { connection -> [Errno?] in
        var errnos: [Errno?] = []
        var buffer = try connection.arena.allocate(minimumCapacity: 4)
        try buffer.append(UInt8(9))
        let view = try buffer.readView()
        do throws(SocketError) {
          _ = try await connection.receive(4, into: &buffer)
        } catch {
          errnos.append(error.errno)
        }
        view.release()
        do throws(SocketError) {
          _ = try await connection.receive(.max, into: &buffer)
        } catch {
          errnos.append(error.errno)
        }
        #expect(try await connection.receive(0, into: &buffer) == 0)
        #expect(try await connection.receive(4, into: &buffer) == 4)
        #expect(try Self.bytes(buffer) == [9, 1, 2, 3, 4])
        return errnos
      }
    )
    #expect(errnos == [.resourceBusy, .noMemory])
  }

  /// A call that has its own memory waits for nobody's slots.
  @Test func itNeedsNoSlot() async throws {
    var configuration = TCPServer.Configuration()
    configuration.loop.poolBytes = 256 << 10
    let kept = Mutex<[DetachedView]>([])
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        guard let first = try await connection.receive() else { return }
        let isHolder = first.withBytes { unsafe $0.unsafeLoad(as: UInt8.self) } == 1
        if isHolder {
          let first = first.detach()
          kept.withLock { $0.append(first) }
          while let view = try await connection.receive() {
            let view = view.detach()
            kept.withLock { $0.append(view) }
          }
          return
        }
        try await connection.send(first)
        var buffer = try connection.arena.allocate(minimumCapacity: 100_000)
        let count = try await connection.receive(100_000, into: &buffer)
        try await connection.send(buffer)
        #expect(count == 100_000)
      }
    }
    let port = running.port
    let value = Self.value(100_000)
    try await blocking {
      let holders = try (0..<8).map { _ in try BlockingClient(port: port) }
      for holder in holders {
        var bytes = [UInt8](repeating: 1, count: 200_000)
        bytes[0] = 1
        let all = bytes
        _ = try? unsafe all.withUnsafeBytes { try unsafe holder.sendSome($0, flags: Int32(MSG_DONTWAIT)) }
      }
      let client = try BlockingClient(port: port)
      #expect(try client.echo([2]) == [2])
      try client.send(value)
      #expect(try client.receive(exactly: 100_000) == value)
      client.close()
      for holder in holders { try holder.reset() }
    }
    kept.withLock { for view in $0 { view.releaseReader() } }
    running.server.abort()
    _ = try await running.task.value
  }
}

extension TCPConnection {
  /// Whether a call waits for bytes in memory of its own.
  var hasReceiveInto: Bool {
    get async { await onLoop { engine, id in engine.find(id).map { self.sink.states[$0].receiveInto != nil } ?? true } }
  }
}
