import NIOCore
import SluiceNIO
import Testing

@Suite(.timeLimit(.minutes(1))) struct CallbackTests {
  /// Notes what it is told, and whether it was on the loop.
  private final class Handler: NIOScheduledCallbackHandler, Sendable {
    let notes: Notes<String>
    let name: String

    init(_ notes: Notes<String>, _ name: String = "") {
      self.notes = notes
      self.name = name
    }

    func handleScheduledCallback(eventLoop: some EventLoop) {
      notes.add(eventLoop.inEventLoop ? "\(name)called" : "\(name)called elsewhere")
    }

    func didCancelScheduledCallback(eventLoop: some EventLoop) {
      notes.add(eventLoop.inEventLoop ? "\(name)cancelled" : "\(name)cancelled elsewhere")
    }
  }

  @Test func aCallbackIsCalledOnceOnTheLoop() async throws {
    let notes = Notes<String>()
    try await onLoops { group in
      let loop = group.loops[0]
      let instant = NIODeadline.now() + .milliseconds(2)
      let callback = try loop.scheduleCallback(at: instant, handler: Handler(notes))
      try await loop.scheduleTask(deadline: instant) {}.futureResult.get()
      #expect(notes.all == ["called"])
      // It is over: the handler hears nothing more.
      callback.cancel()
      try await loop.settle()
    }
    #expect(notes.all == ["called"])
  }

  @Test func aCallbackThatIsCancelledElsewhereIsToldOnceOnTheLoop() async throws {
    let notes = Notes<String>()
    try await onLoops { group in
      let loop = group.loops[0]
      let callback = try loop.scheduleCallback(in: .hours(1), handler: Handler(notes))
      callback.cancel()
      callback.cancel()
      try await loop.settle()
      #expect(notes.all == ["cancelled"])
    }
    #expect(notes.all == ["cancelled"])
  }

  @Test func callbacksAndTasksOfOneInstantRunInOneOrder() async throws {
    try await onLoops { group in
      let loop = group.loops[0]
      let notes = Notes<String>()
      let instant = NIODeadline.now() + .milliseconds(2)
      _ = try loop.scheduleCallback(at: instant, handler: Handler(notes, "first "))
      loop.scheduleTask(deadline: instant) { notes.add("second") }
      _ = try loop.scheduleCallback(at: instant, handler: Handler(notes, "third "))
      try await loop.scheduleTask(deadline: instant) {}.futureResult.get()
      #expect(notes.all == ["first called", "second", "third called"])
    }
  }

  @Test func theEndOfTheLoopCancelsCallbacks() async throws {
    let notes = Notes<String>()
    try await onLoops { group in
      _ = try group.loops[0].scheduleCallback(in: .hours(1), handler: Handler(notes))
    }
    #expect(notes.all == ["cancelled"])
  }
}
