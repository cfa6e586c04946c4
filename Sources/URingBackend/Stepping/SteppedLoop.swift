package import IOBuffers
package import Logging
internal import SystemPackage

/// A loop without a thread of its own, over a system that is not the operating system's: whoever has it makes its turns.
///
/// Everything above the ``SocketSystem`` is the code that servers run. All of a stepped loop's life belongs to the one thread
/// that made it, and no `await` may come between its beginning and its end, because another thread may go on behind one.
package final class SteppedLoop {
  /// The loop: for what runs on it.
  package let loop: EventLoop
  let engine: StreamEngine
  private let system: any SocketSystem & SocketCalls
  private let operationsKept: () -> Int
  private(set) var sinks: [ConnectionSink] = []
  private let connections: ServedConnections
  private var listeners: [UInt32] = []
  private var isOver = false

  /// - Parameters:
  ///   - submissionEntries: as many as a configuration may ask for, unless told. A small queue is full again and again.
  ///   - completionEntries: small queues overflow, as the kernel's do.
  package init<System: SocketSystem & SocketCalls>(
    _ system: System,
    configuration: EventLoop.Configuration,
    submissionEntries: UInt32? = nil,
    completionEntries: UInt32 = 256,
    maximumConnections: Int = 1000,
    logger: Logger? = nil
  ) throws(RingError) {
    let offered: KernelFeatures = System.sendsWithoutCopy ? .simulated : .readiness
    let features = offered.disabling(configuration.disabledFeatures)
    guard
      let driver = SimulatedDriver(
        system,
        entries: submissionEntries ?? max(64, configuration.submissionEntries),
        completionEntries: completionEntries,
        features: features
      )
    else { throw RingError(reason: .outOfMemory, operation: "mmap", errno: .noMemory) }
    self.system = system
    operationsKept = { driver.operationsKept }
    connections = ServedConnections(limit: maximumConnections)
    loop = try EventLoop.make(
      configuration,
      index: 0,
      driver: driver,
      clock: LoopClock(virtual: { system.now() }),
      logger: logger
    ) { loop, configuration throws(RingError) in
      try StreamEngine(loop: loop, configuration: configuration, sockets: system)
    }
    guard let engine = loop.streams else {
      throw RingError(reason: .system(.noFunction), operation: "make a loop")
    }
    self.engine = engine
    loop.isThreaded = false
    loop.begin()
  }

  // MARK: Servers

  /// Serves what a listening descriptor of the system accepts with handlers.
  package func serve<Handler: ConnectionHandler & ~Copyable>(
    _ descriptor: Int32,
    at address: SocketAddress,
    limits: ConnectionLimits = ConnectionLimits(),
    onError: TCPServer.ErrorReport? = nil,
    handler: @escaping @Sendable () throws -> Handler
  ) {
    let connections = connections
    let sink = HandlerSink(engine: engine, budget: connections.budget, onError: onError) {
      connections.countOpened()
      return try handler()
    }
    serve(descriptor, at: address, sink, ConnectionSettings(limits, isHandled: true))
  }

  /// The same with a task for each connection.
  package func serve(
    _ descriptor: Int32,
    at address: SocketAddress,
    limits: ConnectionLimits = ConnectionLimits(),
    onError: TCPServer.ErrorReport? = nil,
    body: @escaping @Sendable (TCPConnection) async throws -> Void
  ) {
    let connections = connections
    let sink = AsyncSink(engine: engine, budget: connections.budget, onError: onError) { connection in
      connections.countOpened()
      try await body(connection)
    }
    serve(descriptor, at: address, sink, ConnectionSettings(limits, isHandled: false))
  }

  private func serve(
    _ descriptor: Int32,
    at address: SocketAddress,
    _ sink: ConnectionSink,
    _ settings: ConnectionSettings
  ) {
    sinks.append(sink)
    let key = engine.startListening(
      descriptor,
      address: address,
      sink: sink,
      settings: settings,
      budget: connections.budget
    )
    if let key { listeners.append(key) }
  }

  /// Stops accepting, and tells the connections of all servers that they should end: what a graceful stop begins with.
  package func stopServing() {
    for key in listeners {
      if let listener = engine.listeners[key] { engine.stopListening(listener) }
    }
    for sink in sinks { engine.beginStopping(of: sink) }
  }

  /// Ends the connections of all servers: what a stop's deadline does.
  package func abortServed() {
    for sink in sinks { engine.abortAll(of: sink, .shuttingDown) }
  }

  // MARK: Turns

  /// One turn of the loop. False once it has ended.
  @discardableResult
  package func turn() -> Bool {
    guard !isOver else { return false }
    if loop.turn() { return true }
    isOver = true
    return false
  }

  /// What is left. After the end of everything that was served, nothing should be, but the listeners.
  package var remains: Remains {
    let statistics = loop.statistics
    var remains = Remains()
    remains.connections = engine.openConnections
    remains.served = sinks.reduce(0) { $0 + $1.active }
    remains.listeners = engine.listeners.count
    remains.attempts = engine.connecting.count
    remains.operations = operationsKept()
    remains.timers = loop.timers.armed
    remains.slotsHeld = Int(statistics.slotsLocked) + loop.memory.copies.slotsOut + loop.memory.buffers.slotsOut
    return remains
  }

  /// What a loop still has.
  package struct Remains: Equatable, Sendable {
    package var connections = 0
    /// Connections of servers that are open, and tasks that still run for one.
    package var served = 0
    package var listeners = 0
    package var attempts = 0
    /// Operations that the ring keeps.
    package var operations = 0
    package var timers = 0
    /// Slots of which somebody has views, or a buffer.
    package var slotsHeld = 0

    package init() {}
  }

  /// What the loop counted.
  package var statistics: LoopStatistics { loop.statistics }

  /// What views and buffers are out, of all of the loop's memory. After the end: what has leaked.
  package var memoryOut: CloseReport { loop.memory.report }

  /// Ends the loop for good, whatever is open. The one call that may come from another thread, which takes the loop over: a
  /// loop that nobody wants any more ends where it is dropped.
  /// - Parameter turns: how many it may need.
  /// - Returns: slots that did not come home; nil: the loop did not come to its end.
  package func end(within turns: Int = 10_000) -> Int? {
    loop.serialExecutor.moveHere()
    DeferredReleases.begin()
    loop.stopping = true
    engine.stop()
    for _ in 0..<turns where !isOver { turn() }
    let hasEnded = isOver
    isOver = true
    loop.finish()
    loop.memory.close()
    return hasEnded ? loop.memory.slotsOut : nil
  }
}
