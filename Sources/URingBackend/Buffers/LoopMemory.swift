internal import IOBuffers

/// The memory of one loop: four arenas, so that none can take what another one needs.
///
/// Any thread.
struct LoopMemory: Sendable {
  /// How the pool is divided.
  let plan: MemoryPlan
  /// What the kernel fills. Slots of one size; nothing else is ever lent from here.
  let slots: BufferArena
  /// Copies of what would pin a whole slot, while slots are scarce. Each is charged to its connection.
  let copies: BufferArena
  /// What programs allocate.
  let buffers: BufferArena
  /// What the kernel puts datagrams into. Nothing is mapped before somebody has a datagram socket.
  let datagrams: BufferArena
  /// The most that may be mapped there.
  let datagramLimit: Int

  /// - Throws: ``BufferError`` when memory that the configuration requires cannot be had.
  init(_ configuration: EventLoop.Configuration, incremental: Bool) throws(BufferError) {
    plan = MemoryPlan(
      poolBytes: configuration.poolBytes,
      slotBytes: configuration.slotBytes,
      incremental: incremental
    )
    var common = BufferArena.Configuration()
    common.hugePages = configuration.hugePages
    common.diagnostics = configuration.diagnostics
    var own = common
    own.byteLimit = plan.slots * plan.slotBytes
    own.slotSizes = [plan.slotBytes]
    own.segmentBytes = max(plan.slotBytes, min(1 << 20, own.byteLimit / 16))
    slots = try BufferArena(own)
    own = common
    own.byteLimit = plan.copyBytes
    own.slotSizes = MemoryPlan.copySizes
    // Small segments: a single copy of one size keeps a whole one from all other sizes.
    own.segmentBytes = plan.copyBytes / 64
    // Huge pages would leave room for one or two sizes only.
    own.hugePages = .never
    copies = try BufferArena(own)
    own = common
    own.byteLimit = configuration.bufferBytes ?? max(configuration.poolBytes, MemoryPlan.minimumPoolBytes)
    buffers = try BufferArena(own)
    own = common
    datagramLimit = max(configuration.datagramBytes, DatagramPlan.minimumPoolBytes)
    own.byteLimit = datagramLimit
    own.slotSizes = DatagramPlan.sizes
    // One socket that asks for large slots is no reason to take pages from all others.
    own.segmentBytes = own.byteLimit / 16
    own.hugePages = .never
    datagrams = try BufferArena(own)
  }

  private var arenas: [BufferArena] { [slots, copies, buffers, datagrams] }

  /// Slots of any kind that are out: lent, posted or locked.
  var slotsOut: Int { arenas.reduce(0) { $0 + $1.slotsOut } }

  /// What is out now.
  var report: CloseReport { CloseReport(joining: arenas.map(\.whatIsOut)) }

  /// Closes all of it.
  func close() {
    for arena in arenas { arena.close() }
  }

  /// Closes all of it, and says what is still out.
  func close(waitingUntil deadline: ContinuousClock.Instant) async -> CloseReport {
    var reports: [CloseReport] = []
    for arena in arenas { reports.append(await arena.close(waitingUntil: deadline)) }
    return CloseReport(joining: reports)
  }
}
