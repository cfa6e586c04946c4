import NIOCore
import SluiceNIO
import Testing

@Suite(.timeLimit(.minutes(1))) struct TimerTests {
  private struct Refusal: Error {}

  @Test func tasksOfOneInstantRunInTheOrderInWhichTheyWereScheduled() async throws {
    try await onLoops { group in
      let loop = group.loops[0]
      let notes = Notes<Int>()
      let instant = NIODeadline.now() + .milliseconds(5)
      let last = try await loop.flatSubmit {
        var last = loop.makeSucceededVoidFuture()
        for number in 0..<500 {
          last = loop.scheduleTask(deadline: instant) { notes.add(number) }.futureResult
        }
        return last.map { notes.all.count }
      }.get()
      #expect(last == 500)
      #expect(notes.all == Array(0..<500))
    }
  }

  @Test func whatIsDueEarlierRunsFirst() async throws {
    try await onLoops { group in
      let loop = group.loops[0]
      let notes = Notes<Int>()
      let start = NIODeadline.now() + .milliseconds(5)
      // In an order that is not that of their times.
      let places = (0..<101).map { ($0 * 37) % 101 }
      let futures = try await loop.submit {
        places.map { place in
          loop.scheduleTask(deadline: start + .microseconds(Int64(place))) { notes.add(place) }.futureResult
        }
      }.get()
      for future in futures { try await future.get() }
      #expect(notes.all == Array(0..<101))
    }
  }

  @Test func aTaskWhoseTimeIsOverRunsLaterAllTheSame() async throws {
    try await onLoops { group in
      let loop = group.loops[0]
      let notes = Notes<String>()
      let future = try await loop.submit {
        let scheduled = loop.scheduleTask(deadline: .distantPast) { notes.add("the task") }
        notes.add("who scheduled it")
        return scheduled.futureResult
      }.get()
      try await future.get()
      #expect(notes.all == ["who scheduled it", "the task"])
    }
  }

  @Test func whatATaskReturnsOrThrowsIsItsFutures() async throws {
    try await onLoops { group in
      let loop = group.loops[0]
      let result = try await loop.scheduleTask(in: .zero) { 7 }.futureResult.get()
      #expect(result == 7)
      await #expect(throws: Refusal.self) {
        try await loop.scheduleTask(in: .zero) { throw Refusal() }.futureResult.get()
      }
    }
  }

  @Test func aTaskThatIsCancelledElsewhereFailsAndIsNotRun() async throws {
    try await onLoops { group in
      let loop = group.loops[0]
      let notes = Notes<String>()
      let instant = NIODeadline.now() + .milliseconds(20)
      let cancelled = loop.scheduleTask(deadline: instant) { notes.add("the one cancelled") }
      let other = loop.scheduleTask(deadline: instant) { notes.add("the other") }
      cancelled.cancel()
      await #expect(throws: EventLoopError.cancelled) { try await cancelled.futureResult.get() }
      try await other.futureResult.get()
      #expect(notes.all == ["the other"])
    }
  }

  @Test func aTaskCancelsAnotherOfItsInstant() async throws {
    try await onLoops { group in
      let loop = group.loops[0]
      let notes = Notes<String>()
      let later = try await loop.submit {
        let instant = NIODeadline.now() + .milliseconds(5)
        let box = NIOLoopBoundBox<Scheduled<Void>?>(nil, eventLoop: loop)
        loop.scheduleTask(deadline: instant) { box.value?.cancel() }
        let victim = loop.scheduleTask(deadline: instant) { notes.add("ran all the same") }
        box.value = victim
        return victim.futureResult
      }.get()
      await #expect(throws: EventLoopError.cancelled) { try await later.get() }
      try await loop.settle()
      #expect(notes.all.isEmpty)
    }
  }

  @Test func aCancellationThatComesTooLateChangesNothing() async throws {
    try await onLoops { group in
      let loop = group.loops[0]
      let scheduled = loop.scheduleTask(in: .zero) { 7 }
      let result2 = try await scheduled.futureResult.get()
      #expect(result2 == 7)
      scheduled.cancel()
      try await loop.settle()
      let result3 = try await scheduled.futureResult.get()
      #expect(result3 == 7)
    }
  }

  @Test func whatACancelledTaskHeldIsFreed() async throws {
    final class Held: Sendable {}
    try await onLoops { group in
      let loop = group.loops[0]
      weak var held: Held?
      do {
        let object = Held()
        held = object
        let scheduled = loop.scheduleTask(in: .hours(1)) { withExtendedLifetime(object) {} }
        scheduled.cancel()
      }
      try await loop.settle()
      #expect(held == nil)
    }
  }
}
