/// What an arena knows, guarded by its lock: segments, size classes, and who waits. Calls nobody's code but its own: what
/// has to be woken is returned as ``Wakeup`` values.
struct ArenaState: @unchecked Sendable {
  // Sound: it stays behind its lock (`Guarded`), and what it refers to is used by who has that lock only.
  let configuration: BufferArena.Configuration
  let flags: SlotHeader.Flags
  /// The process that the memory belongs to.
  let process = ForkGuard()
  /// Ascending by slot size.
  let classes: SizeClasses
  /// Places are reused, so that a slot's segment number stays small and valid as long as the slot.
  var segments: [Segment?] = []
  var vacantPlaces: [Int] = []
  var queue: WaitQueue
  var closeWaiters: [CloseWaiter] = []
  var accounts = Accounts()
  /// Slots with segments of their own that are kept for a kernel that was told of them and has not come yet.
  var promisedLarge: [Slot] = []
  /// What is put together for one who would otherwise be passed over for ever.
  var reservation: Reservation?
  /// How many slots have ever come home.
  var homecomings: UInt64 = 0
  /// Why the system refused memory, if it did when it was last asked.
  var mapFailure: BufferError?
  /// What lets tests see the system refuse memory: the error for a mapping of so many bytes, or nil.
  let mapFault: (@Sendable (Int) -> Int32?)?
  var isClosed = false
  /// The core has given up its reference to itself.
  var isFinished = false
  var mappedBytes = 0
  var slotsOut = 0
  var counters = Counters()

  struct Counters {
    var growths = 0
    var trims = 0
    var waits = 0
    var moves = 0
    var movedBytes = 0
  }

  /// Who asks for a slot.
  enum Use {
    /// A program: it becomes the slot's owner.
    case owner
    /// The kernel: it becomes the slot's writer, and there is no owner.
    case kernel
    /// A copy that is about to be made: it becomes a reader, and there is no owner.
    case copy

    var lockWord: UInt64 {
      switch self {
      case .owner: LockWord.owner
      case .kernel: LockWord.oneWriter
      case .copy: LockWord.oneReader
      }
    }
  }

  init(
    _ configuration: BufferArena.Configuration,
    flags: SlotHeader.Flags,
    classes: SizeClasses,
    mapFault: (@Sendable (Int) -> Int32?)?
  ) {
    self.configuration = configuration
    self.mapFault = mapFault
    self.flags = flags
    self.classes = classes
    self.queue = WaitQueue(lines: classes.count + 1)
  }

  /// `bytes` in whole pages of the kind that every mapping must have.
  func wholePages(_ bytes: Int) -> Int {
    let page = configuration.pageBytes
    return (bytes + page - 1) / page * page
  }

  /// A slot for a program from the free list of its class: the fast path. Nil if that is not so easy.
  mutating func takeFree(_ bytes: Int, for use: Use = .owner) -> Slot? {
    guard let place = classes.smallest(for: bytes), classes[place].unpromised > 0, !process.isForked else { return nil }
    return classes[place].pop().map { lend($0, for: use) }
  }

  /// A slot of the class from what is at home or can be cut; nil if there is none for this use.
  mutating func take(_ place: Int, for use: Use, home: SlotHome) -> Slot? {
    guard (use == .kernel ? classes[place].homeCount : classes[place].unpromised) > 0 else { return nil }
    let slot = classes[place].pop() ?? cut(place, home: home)
    return slot.map { lend($0, for: use) }
  }

  /// Cuts a fresh slot of the class.
  private mutating func cut(_ place: Int, home: SlotHome) -> Slot? {
    guard let source = classes[place].source, let slot = segments[source.number]?.cut(home: home, flags: flags) else {
      return nil
    }
    classes[place].countLoan(source)
    return slot
  }

  /// The moment a slot leaves home.
  mutating func lend(_ slot: Slot, for use: Use) -> Slot {
    slot.setLockWord(use.lockWord)
    slotsOut += 1
    if slot.isSanitized {
      // The kernel's bytes are poisoned for everybody else until a completion reports them; a copy frees what it fills.
      if use == .owner { slot.unpoison() } else { slot.poison() }
    }
    return slot
  }

  /// Slots that came home, linked by `next`, the latest first.
  mutating func adopt(_ chain: Slot?) {
    // Reversed first: the latest must end up on top of its free list.
    var rest = chain
    var oldest: Slot?
    while let slot = rest {
      rest = slot.next
      slot.next = oldest
      oldest = slot
    }
    while let slot = oldest {
      oldest = slot.next
      putBack(slot)
    }
  }

  /// One slot came home.
  mutating func putBack(_ slot: Slot) {
    slotsOut -= 1
    homecomings &+= 1
    if slot.account != 0 { discharge(slot) }
    if let place = slot.sizeClass, !isClosed {
      if classes[place].push(slot) { giveBackWithheld(slot.segment) }
    } else {
      let record = SegmentRecord(of: slot)
      record.fields.outCount -= 1
      if record.isIdle { unmap(record.number) }
    }
  }

  // Not inlined, and so with `giveBackWithheld` and `unmap`: the way of a slot home would ask for each slot whether their
  // arrays are shared.
  @inline(never)
  private mutating func discharge(_ slot: Slot) {
    accounts.discharge(slot.account, slot.capacity)
    slot.account = 0
  }
}
