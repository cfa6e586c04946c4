import NIOCore
import SluiceNIO
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct TaskOrderTests {
  @Test func tasksOfEachThreadRunInTheOrderInWhichItHandedThemOver() async throws {
    try await onLoops { group in
      let loop = group.loops[0]
      let notes = Notes<(thread: Int, number: Int)>()
      await withTaskGroup { tasks in
        for thread in 0..<2 {
          tasks.addTask {
            for number in 0..<2000 { loop.execute { notes.add((thread, number)) } }
          }
        }
      }
      try await loop.settle()
      for thread in 0..<2 {
        #expect(notes.all.filter { $0.thread == thread }.map(\.number) == Array(0..<2000))
      }
    }
  }

  @Test func aTaskThatATaskHandsOverRunsBehindIt() async throws {
    try await onLoops { group in
      let loop = group.loops[0]
      let notes = Notes<String>()
      try await loop.submit {
        loop.execute {
          loop.execute { notes.add("the one handed over") }
          notes.add("the one that hands over")
        }
        loop.execute { notes.add("the one that waited already") }
        notes.add("all are handed over")
      }.get()
      try await loop.settle()
      #expect(
        notes.all == [
          "all are handed over", "the one that hands over", "the one that waited already", "the one handed over",
        ]
      )
    }
  }

  @Test func moreTasksThanATurnRunsAreRunInTheirOrder() async throws {
    try await onLoops { group in
      let loop = group.loops[0]
      let notes = Notes<Int>()
      try await loop.submit {
        for number in 0..<10_000 { loop.execute { notes.add(number) } }
      }.get()
      // Behind them, and so not before the last of them.
      try await loop.submit {}.get()
      #expect(notes.all == Array(0..<10_000))
    }
  }

  @Test func tasksThatFollowEachOtherForEverKeepNoTimerAndNoOtherThreadAway() async throws {
    try await onLoops { group in
      let loop = group.loops[0]
      let isOver = Atomic(false)
      @Sendable func goOn() {
        if !isOver.load(ordering: .relaxed) { loop.execute { goOn() } }
      }
      goOn()
      try await loop.scheduleTask(in: .milliseconds(1)) {}.futureResult.get()
      try await loop.submit {}.get()
      isOver.store(true, ordering: .relaxed)
    }
  }

  @Test func aLoopKnowsItsOwnThread() async throws {
    try await onLoops(2) { group in
      let (first, second) = (group.loops[0], group.loops[1])
      #expect(!first.inEventLoop)
      let places = try await first.submit { [first.inEventLoop, second.inEventLoop] }.get()
      #expect(places == [true, false])
      let places2 = try await second.submit { [first.inEventLoop, second.inEventLoop] }.get()
      #expect(places2 == [false, true])
    }
  }
}
