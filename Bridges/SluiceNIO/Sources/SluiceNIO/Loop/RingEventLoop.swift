public import NIOCore
internal import Synchronization
@_spi(Bridging) public import URingBackend

/// An event loop of SwiftNIO on a loop of this package: tasks, timers and channels run on the thread that owns the ring.
///
/// Made by ``RingEventLoopGroup``. It is the executor of actors (`executor`), as SwiftNIO's own loops are. ``sluice`` is a
/// `TaskExecutor`: a task that prefers it (`withTaskExecutorPreference`) runs on this loop's thread, and uses its channels without
/// a hop.
///
/// Every member may be used from any thread.
@safe
public final class RingEventLoop: NIOCore.EventLoop, @unchecked Sendable {
  // Why unchecked: what the tenant has, and `voidFuture`, are used on the loop's thread.

  /// The loop below: its arena, its statistics, and the executor for tasks.
  public let sluice: URingBackend.EventLoop
  let tenant = RingTenant()
  /// The group, which has this loop for as long as it lives.
  weak var group: RingEventLoopGroup?
  private var voidFuture: EventLoopFuture<Void>?
  private let names = Atomic<UInt64>(0)

  init(_ sluice: URingBackend.EventLoop) {
    self.sluice = sluice
    tenant.begin(self)
    // Before anything that anybody else hands over.
    sluice.handOver { [tenant] in sluice.attach(tenant) }
  }

  /// The loop has ended, and nothing is to keep it.
  func forgetFuture() { voidFuture = nil }

  // MARK: Where am I

  /// Whether the caller runs on the loop's thread, or in its place after its end.
  public var inEventLoop: Bool { sluice.isCurrent }

  /// Refuses to block any loop of the group: those may wait for each other.
  public func _preconditionSafeToWait(file: StaticString, line: UInt) {
    preconditionNotInEventLoop(file: file, line: line)
    precondition(
      !(group?.loops.contains { $0.inEventLoop } ?? false),
      "BUG DETECTED: wait() must not be called on an event loop of the same group",
      file: file,
      line: line
    )
  }

  // MARK: Tasks

  /// Runs `task` on the loop, later, in the order of the calls. Behind the loop's end it runs on some other thread.
  public func execute(_ task: @escaping @Sendable () -> Void) { enqueue(.function(task)) }

  /// The same, for whoever is on the loop.
  public func _executeIsolatedUnsafeUnchecked(_ task: @escaping () -> Void) {
    preconditionInEventLoop()
    enqueue(.function(task))
  }

  func enqueue(_ task: consuming LoopTask) {
    if inEventLoop, tenant.append(task) { return }
    // On the loop nobody else has it meanwhile, and from elsewhere tasks are Sendable, as the callers ask for.
    nonisolated(unsafe) let task = task
    sluice.handOver {
      // Behind what waits already; behind the end nothing does.
      if !self.tenant.append(unsafe task) { self.run(unsafe task) }
    }
  }

  @inline(__always)
  func run(_ task: LoopTask) {
    switch task {
    case .function(let body): body()
    // The runtime's until it has run, once.
    case .job(let job): unsafe job.runSynchronously(on: asUnownedSerialExecutor())
    }
  }

  /// Runs `body` at once when the caller is on the loop, and otherwise later.
  func perform(_ body: @escaping @Sendable () -> Void) {
    if inEventLoop { body() } else { execute(body) }
  }

  /// A name for something scheduled.
  func nextName() -> UInt64 { names.wrappingAdd(1, ordering: .relaxed).newValue }

  /// Received bytes that were copied, once, from the memory that the kernel filled into buffers of SwiftNIO's. What is sent is not
  /// among them. Any thread.
  public var bytesCopied: UInt64 { tenant.bytesCopied.current }

  /// Received bytes that handlers were given where the kernel had put them, in a build with the trait `ZeroCopyReads`. Any thread.
  public var bytesHandedOver: UInt64 { tenant.bytesHandedOver.current }

  /// The time, read now.
  public var now: NIODeadline { .now() }

  /// A future that has succeeded: the same one each time on the loop.
  public func makeSucceededVoidFuture() -> EventLoopFuture<Void> {
    let isKept = inEventLoop && !tenant.isOver
    if isKept, let voidFuture { return voidFuture }
    // Not by `makeSucceededFuture`, which asks here for the future of a void.
    let promise = makePromise(of: Void.self)
    promise.succeed(())
    if isKept { voidFuture = promise.futureResult }
    return promise.futureResult
  }

  // MARK: Channels

  /// Tells a channel once when all completions of this turn are through. Loop thread only, as the next two.
  func atTurnEnd(_ channel: RingChannel) { tenant.atTurnEnd(channel) }

  /// The channel is open, and closes at the latest when the loop does.
  func add(_ channel: RingChannel) { tenant.add(channel) }

  func remove(_ channel: RingChannel) { tenant.remove(channel) }

  // MARK: A group of one

  /// This loop.
  public func next() -> any NIOCore.EventLoop { self }

  /// This loop.
  public func any() -> any NIOCore.EventLoop { self }

  /// This loop alone.
  public func makeIterator() -> EventLoopIterator { EventLoopIterator([self]) }
}

extension RingEventLoop: CustomStringConvertible {
  /// What tells it from others in a log.
  public var description: String { "RingEventLoop \(sluice.index)" }
}
