public import Dispatch
internal import IOBuffers
public import Logging
internal import NIOConcurrencyHelpers
public import NIOCore
internal import Synchronization
public import URingBackend

/// Event loops for SwiftNIO whose sockets do their I/O with io_uring, or with epoll where that is blocked.
///
/// ```swift
/// let group = try RingEventLoopGroup(numberOfThreads: 2)
/// let server = try await RingServerBootstrap(group: group)
///   .childChannelInitializer { $0.pipeline.addHandler(EchoHandler()) }
///   .bind(host: "127.0.0.1", port: 7777).get()
/// try await server.closeFuture.get()
/// ```
/// Handlers, codecs, TLS and HTTP of SwiftNIO run on it unchanged: they see `Channel` and `EventLoop` only. Bootstraps are this
/// package's own, with SwiftNIO's names, because SwiftNIO's take its own loops alone.
///
/// Any thread.
public final class RingEventLoopGroup: EventLoopGroup {
  /// The loops, one thread each.
  public let loops: [RingEventLoop]
  private let group: LoopGroup
  private let place = Atomic<Int>(0)
  // Not a `Mutex`: see `RingChannel`.
  private let life = NIOLockedValueBox(Life.running)

  private enum Life {
    case running
    case closing([@Sendable () -> Void])
    case closed
  }

  /// Starts the threads.
  ///
  /// - Parameters:
  ///   - numberOfThreads: from 1 to 1024; a number beyond is taken as the nearest of these.
  ///   - configuration: of each loop below: memory, driver, kernel features.
  ///   - logger: where the loops say which driver runs, and what nobody else can be told. Nil: nowhere.
  /// - Throws: `RingError` when a loop cannot be had: it says what is missing.
  public init(
    numberOfThreads: Int,
    configuration: URingBackend.EventLoop.Configuration = URingBackend.EventLoop.Configuration(),
    logger: Logger? = nil
  ) throws(RingError) {
    group = try LoopGroup(count: numberOfThreads, configuration: configuration, logger: logger)
    loops = group.loops.map { RingEventLoop($0) }
    for loop in loops { loop.group = self }
  }

  /// The loops in turn.
  public func next() -> any NIOCore.EventLoop { nextLoop() }

  func nextLoop() -> RingEventLoop {
    let number = place.wrappingAdd(1, ordering: .relaxed).oldValue
    return loops[Int(UInt(bitPattern: number) % UInt(loops.count))]
  }

  /// The loop that the caller runs on, where it is one of these; otherwise as `next()`.
  public func any() -> any NIOCore.EventLoop {
    loops.first { $0.inEventLoop } ?? nextLoop()
  }

  /// All loops.
  public func makeIterator() -> EventLoopIterator { EventLoopIterator(loops) }

  /// Closes the channels of all loops, fails what is scheduled with `EventLoopError.shutdown`, and ends the threads. Any number of
  /// calls; `callback` is called once for each, on `queue`, when that is done, with nil.
  public func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
    let done: @Sendable () -> Void = { queue.async { callback(nil) } }
    let (isFirst, isOver) = life.withLockedValue { life in
      switch life {
      case .running:
        life = .closing([done])
        return (true, false)
      case .closing(let waiting):
        life = .closing(waiting + [done])
        return (false, false)
      case .closed: return (false, true)
      }
    }
    if isOver { done() }
    guard isFirst else { return }
    Task {
      await withTaskGroup { tasks in
        for loop in loops { tasks.addTask { await loop.end() } }
      }
      let waiting = life.withLockedValue { life in
        guard case .closing(let waiting) = life else { return [@Sendable () -> Void]() }
        life = .closed
        return waiting
      }
      for body in waiting { body() }
    }
  }

  /// Refuses to wait for its own end on one of its loops.
  public func _preconditionSafeToSyncShutdown(file: StaticString, line: UInt) {
    precondition(
      !loops.contains { $0.inEventLoop },
      "BUG DETECTED: syncShutdownGracefully() must not be called on an event loop",
      file: file,
      line: line
    )
  }
}
