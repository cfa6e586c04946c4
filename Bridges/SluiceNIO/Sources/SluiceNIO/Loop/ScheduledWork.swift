internal import NIOCore

/// What a timer stands for.
enum ScheduledWork {
  case task(run: () -> Void, fail: (any Error) -> Void)
  case callback(any NIOScheduledCallbackHandler)

  func run(on loop: RingEventLoop) {
    switch self {
    case .task(let run, _): run()
    case .callback(let handler): handler.handleScheduledCallback(eventLoop: loop)
    }
  }

  /// It will not be run.
  func cancel(on loop: RingEventLoop, _ reason: EventLoopError) {
    switch self {
    case .task(_, let fail): fail(reason)
    case .callback(let handler): handler.didCancelScheduledCallback(eventLoop: loop)
    }
  }
}
