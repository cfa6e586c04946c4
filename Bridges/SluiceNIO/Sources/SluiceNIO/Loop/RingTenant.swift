internal import DequeModule
@_spi(Bridging) internal import IOBuffers
internal import NIOCore
@_spi(Bridging) internal import URingBackend

/// What waits to be run on a loop.
enum LoopTask {
  case function(() -> Void)
  case job(UnownedJob)
}

/// SwiftNIO's side of a loop: its tasks, its timers and its channels. Everything here is for the loop's thread.
final class RingTenant: LoopTenant, @unchecked Sendable {
  // Why unchecked: as its superclass.

  /// As many tasks as one turn runs: completions wait meanwhile.
  private static let tasksPerTurn = 4096

  /// What is used for each message.
  private struct State {
    /// Until the end of its thread the loop lives, whoever has let go of it.
    var loop: RingEventLoop?
    var tasks = Deque<LoopTask>()
    /// Those that want to know when the completions of this turn are through.
    var waiting: [RingChannel] = []
    /// Those that are being told.
    var told: [RingChannel] = []
    var buffers = ReceiveBuffers()
  }

  private let state = PlainState(State())
  private var channels: [ObjectIdentifier: RingChannel] = [:]
  /// Timers that are armed, by their names.
  private var scheduled: [UInt64: Scheduling] = [:]
  private var isClosing = false
  private var whenClosed: [() -> Void] = []

  /// A task or a callback that waits for its time.
  private struct Scheduling {
    var timer: UInt64
    var work: ScheduledWork
  }

  /// Whose tenant it is. Before anybody else has either.
  func begin(_ loop: RingEventLoop) { state.value.loop = loop }

  /// Whether the loop has ended for its tenant.
  var isOver: Bool { state.value.loop == nil }

  // MARK: Tasks

  /// False: the loop has ended.
  func append(_ task: LoopTask) -> Bool {
    guard !isOver else { return false }
    state.value.tasks.append(task)
    return true
  }

  override var hasWork: Bool { !state.value.tasks.isEmpty || !state.value.waiting.isEmpty }

  override func turn() {
    if !state.value.waiting.isEmpty { tellChannels() }
    runTasks(atMost: RingTenant.tasksPerTurn)
  }

  private func runTasks(atMost most: Int) {
    guard let loop = state.value.loop else { return }
    var budget = most
    while budget > 0, let task = state.value.tasks.popFirst() {
      loop.run(task)
      budget -= 1
    }
  }

  /// Tells a channel once when all completions of this turn are through, before tasks. Whoever asks for it meanwhile has the next
  /// turn.
  func atTurnEnd(_ channel: RingChannel) { state.value.waiting.append(channel) }

  private func tellChannels() {
    // Nobody is called while either list is changed.
    swap(&state.value.waiting, &state.value.told)
    for index in 0..<state.value.told.count { state.value.told[index].turnEnded() }
    state.value.told.removeAll(keepingCapacity: true)
  }

  /// Lends what is sent from where it lies.
  let pins = PinnedMemory()

  /// Received bytes that were copied.
  let bytesCopied = LoopByteCount()
  /// Received bytes that were handed over where they lay.
  let bytesHandedOver = LoopByteCount()

  /// A buffer with a copy of received bytes.
  func copy(_ bytes: UnsafeRawBufferPointer) -> ByteBuffer { unsafe state.value.buffers.copy(bytes) }

  // MARK: Timers

  /// Arms a timer. Its time may be over. False: the loop ends.
  func schedule(_ work: ScheduledWork, name: UInt64, at deadline: NIODeadline) -> Bool {
    guard !isClosing, let loop = state.value.loop else { return false }
    let timer = loop.sluice.armTimer(at: deadline.uptimeNanoseconds, token: name)
    scheduled[name] = Scheduling(timer: timer, work: work)
    return true
  }

  /// Disarms a timer; nil when it fired or was cancelled before.
  func unschedule(_ name: UInt64) -> ScheduledWork? {
    guard let found = scheduled.removeValue(forKey: name) else { return nil }
    state.value.loop?.sluice.cancelTimer(found.timer)
    return found.work
  }

  override func timerFired(_ token: UInt64) {
    if let loop = state.value.loop { scheduled.removeValue(forKey: token)?.work.run(on: loop) }
  }

  // MARK: Channels and the end

  func add(_ channel: RingChannel) {
    channels[ObjectIdentifier(channel)] = channel
    if isClosing { channel.closeForShutdown() }
  }

  func remove(_ channel: RingChannel) {
    channels.removeValue(forKey: ObjectIdentifier(channel))
    finishClosing()
  }

  /// Closes all channels, and says when they are gone.
  func close(_ completion: @escaping () -> Void) {
    whenClosed.append(completion)
    stopping()
    finishClosing()
  }

  private func finishClosing() {
    guard isClosing, channels.isEmpty else { return }
    let waiting = whenClosed
    whenClosed = []
    for body in waiting { body() }
  }

  override func stopping() {
    isClosing = true
    // Some are gone by the time when their turn comes.
    for channel in Array(channels.values) { channel.closeForShutdown() }
  }

  override var isIdle: Bool { channels.isEmpty && !hasWork }

  override func ended() {
    // In the order in which they were scheduled. What that brings about is run, too, and new timers are refused.
    guard let loop = state.value.loop else { return }
    isClosing = true
    for name in scheduled.keys.sorted() { unschedule(name)?.cancel(on: loop, .shutdown) }
    runTasks(atMost: .max)
    loop.forgetFuture()
    state.value.loop = nil
  }
}
