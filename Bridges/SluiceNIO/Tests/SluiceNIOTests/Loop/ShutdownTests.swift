import Dispatch
import NIOCore
import SluiceNIO
import Testing

@Suite(.timeLimit(.minutes(1))) struct ShutdownTests {
  @Test func whatIsScheduledFails() async throws {
    let group = try RingEventLoopGroup(numberOfThreads: 2)
    let notes = Notes<Int>()
    let futures = group.loops.flatMap { loop in
      (0..<10).map { number in loop.scheduleTask(in: .hours(1)) { notes.add(number) }.futureResult }
    }
    try await group.shutdownGracefully()
    for future in futures {
      await #expect(throws: EventLoopError.shutdown) { try await future.get() }
    }
    #expect(notes.all.isEmpty)
  }

  @Test func whatIsScheduledBecauseOfThatFails() async throws {
    let group = try RingEventLoopGroup(numberOfThreads: 1)
    let loop = group.loops[0]
    let second = loop.makePromise(of: Void.self)
    loop.scheduleTask(in: .hours(1)) {}.futureResult.whenFailure { _ in
      loop.scheduleTask(in: .zero) {}.futureResult.cascade(to: second)
    }
    try await group.shutdownGracefully()
    await #expect(throws: EventLoopError.shutdown) { try await second.futureResult.get() }
  }

  @Test func everybodyWhoAskedIsAnsweredOnceOnTheirQueue() async throws {
    let group = try RingEventLoopGroup(numberOfThreads: 2)
    let key = DispatchSpecificKey<Int>()
    let notes = Notes<Int?>()
    await withTaskGroup { tasks in
      for number in 0..<20 {
        tasks.addTask {
          let queue = DispatchQueue(label: "caller \(number)")
          queue.setSpecific(key: key, value: number)
          await withCheckedContinuation { continuation in
            group.shutdownGracefully(queue: queue) { error in
              notes.add(error == nil ? DispatchQueue.getSpecific(key: key) : nil)
              continuation.resume()
            }
          }
        }
      }
    }
    #expect(notes.all.compactMap(\.self).sorted() == Array(0..<20))
    // And who comes later.
    try await group.shutdownGracefully()
  }

  @Test func whatIsHandedOverBehindTheEndIsRunAndWhatIsScheduledFails() async throws {
    let group = try RingEventLoopGroup(numberOfThreads: 1)
    let loop = group.loops[0]
    try await group.shutdownGracefully()
    let result = try await loop.submit { 7 }.get()
    #expect(result == 7)
    let result2 = try await loop.makeSucceededVoidFuture().map { 8 }.get()
    #expect(result2 == 8)
    await #expect(throws: EventLoopError.shutdown) {
      try await loop.scheduleTask(in: .zero) {}.futureResult.get()
    }
  }

  @Test func whatOthersHandOverWhileTheLoopEndsIsRun() async throws {
    for _ in 0..<20 {
      let group = try RingEventLoopGroup(numberOfThreads: 1)
      let loop = group.loops[0]
      let run = Notes<Int>()
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        for _ in 0..<2 {
          tasks.addTask {
            for number in 0..<1000 { loop.execute { run.add(number) } }
          }
        }
        tasks.addTask { try await group.shutdownGracefully() }
        try await tasks.waitForAll()
      }
      // Behind all of them.
      try await loop.submit {}.get()
      #expect(run.all.count == 2000)
    }
  }

  @Test func aLoopOfAGroupDoesNotEndAlone() async throws {
    try await onLoops { group in
      let loop = group.loops[0]
      let answer = await withCheckedContinuation { continuation in
        loop.shutdownGracefully(queue: .global()) { continuation.resume(returning: $0 as? EventLoopError) }
      }
      #expect(answer == .unsupportedOperation)
      let result3 = try await loop.submit { 7 }.get()
      #expect(result3 == 7)
    }
  }

  @Test func anEndedLoopIsFreed() async throws {
    weak var freed: RingEventLoop?
    do {
      let group = try RingEventLoopGroup(numberOfThreads: 1)
      freed = group.loops[0]
      try await group.loops[0].submit {}.get()
      try await group.shutdownGracefully()
    }
    // The thread lets go of it behind the answer.
    for _ in 0..<1000 where freed != nil { try await Task.sleep(for: .milliseconds(5)) }
    #expect(freed == nil)
  }
}
