import CLiburing
import IOBuffers
import SystemPackage

@testable import URingBackend

/// All of a loop but its thread, over a kernel that the test plays. Everything runs on the test's own thread, turn by
/// turn.
@safe
final class ScriptedEngine {
  let driver: ScriptedDriver
  let loop: EventLoop
  let engine: StreamEngine
  let sink: RecordingSink

  init(
    entries: UInt32 = 64,
    completionEntries: UInt32 = 64,
    poolBytes: Int = 16 << 20,
    slotBytes: Int? = nil,
    without disabled: [KernelFeature] = [],
    zeroCopy threshold: Int? = nil,
    limit: Int = 1000
  ) throws {
    driver = ScriptedDriver(
      entries: entries,
      completionEntries: completionEntries,
      features: KernelFeatures(assuming: KernelFeature.allCases).disabling(disabled)
    )
    var configuration = EventLoop.Configuration()
    configuration.poolBytes = poolBytes
    configuration.slotBytes = slotBytes
    configuration.zeroCopySendThreshold = threshold
    loop = try EventLoop.make(configuration, index: 0, driver: driver, logger: nil) {
      loop,
      configuration throws(RingError) in
      try StreamEngine(loop: loop, configuration: configuration)
    }
    guard let engine = loop.streams else { throw Errno.noFunction }
    self.engine = engine
    sink = RecordingSink(engine: engine, budget: ConnectionBudget(limit: limit))
  }

  deinit {
    // What the end of a loop's thread does: without it the loop and its client would hold each other.
    engine.listeners = [:]
    for index in 0..<engine.records.count where engine.records[index].isOpen { engine.retire(index) }
    engine.finish()
    var work: [ForeignWork] = []
    loop.foreign.takeAll(into: &work)
    loop.client = LoopClient()
    loop.ring.close()
  }

  /// What the user's buffers come from.
  var arena: BufferArena { loop.memory.buffers }
  /// What the kernel fills.
  var slots: BufferArena { loop.memory.slots }

  /// One turn without a wait: settle, enter, reap. What was submitted.
  @discardableResult
  func turn() throws -> [ScriptedSubmission] {
    _ = engine.prepare()
    try loop.ring.enter(waitFor: 0, timeoutNanoseconds: nil)
    loop.now = LoopClock.now()
    while let completion = loop.ring.nextCompletion() {
      engine.complete(completion, OperationID(rawValue: completion.userData))
    }
    return driver.takeSubmissions()
  }

  /// A connection on a descriptor that does not exist; the kernel is played.
  func open(
    _ limits: ConnectionLimits = ConnectionLimits(),
    isHandled: Bool = false,
    descriptor: Int32? = nil
  ) throws -> Int {
    guard sink.budget?.take() == true else { throw Errno.noBufferSpace }
    let settings = ConnectionSettings(limits, isHandled: isHandled)
    guard let index = engine.open(descriptor ?? nextDescriptor, sink: sink, settings: settings) else {
      throw Errno.noMemory
    }
    nextDescriptor += 1
    return index
  }

  private var nextDescriptor: Int32 = 1_000_000

  func operation(_ kind: OperationKind, of index: Int) -> UInt64 { engine.records[index].operation(kind) }

  /// The kernel completes an operation of a connection.
  func complete(_ kind: OperationKind, of index: Int, _ result: Int32, flags: UInt32 = 0) {
    driver.complete(operation(kind, of: index), result: result, flags: flags)
  }

  func fail(_ kind: OperationKind, of index: Int, _ error: Errno) {
    complete(kind, of: index, -error.rawValue)
  }

  /// The kernel receives for a connection, by the receive that it holds.
  @discardableResult
  func deliver(_ bytes: [UInt8], to index: Int, more: Bool = true) -> Int {
    let kind = engine.records[index].receiveKind
    let ring = kind == .receive ? engine.buffers : engine.lineBuffers
    return driver.deliver(
      bytes,
      group: ring.group,
      userData: operation(kind, of: index),
      more: more && kind == .receive
    )
  }

  /// The user of a connection sends bytes out of a buffer of its own.
  func send(_ bytes: [UInt8], on index: Int) throws -> StreamEngine.SendOutcome {
    engine.send(try arena.message(bytes).detach(), on: index)
  }

  /// Ends what is open, and gives every slot back.
  func finish() throws {
    for index in 0..<engine.records.count where engine.records[index].isOpen { engine.abort(index, .closed) }
    for _ in 0..<10 where engine.openConnections > 0 {
      for submission in try turn() { answerTheEnd(submission) }
    }
    sink.releaseAll()
    engine.finish()
  }

  private func answerTheEnd(_ submission: ScriptedSubmission) {
    let operation = OperationID(rawValue: submission.userData)
    switch operation.kind {
    case .cancelReceive, .cancelSend, .cancelWatch:
      driver.complete(submission.address, result: -Errno.canceled.rawValue)
      driver.complete(submission.userData, result: 0)
    case .close, .shutdown:
      driver.complete(submission.userData, result: 0)
    default:
      break
    }
  }
}

/// Writes down what it is told, and keeps what it receives until the test lets go of it.
final class RecordingSink: ConnectionSink, @unchecked Sendable {
  enum Event: Equatable {
    case opened(Int)
    case received(Int, [UInt8])
    case inputEnded(Int)
    case outputDrained(Int)
    case ended(Int)
    case stopping(Int)
    case closed(Int)
  }

  private unowned let engine: StreamEngine
  var events: [Event] = []
  var keepsViews = false
  /// Sends back what comes, as an echo server does.
  var forwards = false
  private var kept: [DetachedView] = []

  init(engine: StreamEngine, budget: ConnectionBudget) {
    self.engine = engine
    super.init(budget: budget)
  }

  override func opened(_ index: Int) { events.append(.opened(index)) }

  override func received(_ index: Int, _ view: DetachedView) {
    events.append(.received(index, unsafe Array(UnsafeRawBufferPointer(start: view.base, count: Int(view.count)))))
    if forwards {
      _ = engine.send(view, on: index)
    } else if keepsViews {
      kept.append(view)
    } else {
      view.releaseReader()
    }
  }

  override func inputEnded(_ index: Int) { events.append(.inputEnded(index)) }
  override func outputDrained(_ index: Int) { events.append(.outputDrained(index)) }
  override func ended(_ index: Int) { events.append(.ended(index)) }
  override func stopping(_ index: Int) { events.append(.stopping(index)) }
  override func closed(_ index: Int) { events.append(.closed(index)) }

  /// The oldest view that is kept.
  var first: DetachedView? { kept.first }

  func releaseFirst() {
    if !kept.isEmpty { kept.removeFirst().releaseReader() }
  }

  func releaseAll() {
    while !kept.isEmpty { releaseFirst() }
  }

  /// What happened since the last call.
  func take() -> [Event] {
    defer { events = [] }
    return events
  }
}

extension [ScriptedSubmission] {
  /// The kinds of operation, in order.
  var kinds: [OperationKind?] { map { OperationID(rawValue: $0.userData).kind } }

  /// Of which connections a kind of operation was submitted, in order.
  func records(_ kind: OperationKind) -> [Int] {
    compactMap { submission in
      let operation = OperationID(rawValue: submission.userData)
      return operation.kind == kind ? Int(operation.index) : nil
    }
  }
}
