import CLiburing
import IOBuffers
import SystemPackage

/// Slots of an arena in the hands of the kernel: a provided-buffer ring (io_uring_provided_buffers(7)).
///
/// The kernel takes a slot from it only when data is there, so an idle connection holds none. While a slot is posted,
/// the kernel is its one holder, as the writer of all its bytes. Each completion splits a reader of the bytes that came
/// off that writer; the last one turns the writer itself into the reader, and the slot goes home with its last reader.
///
/// In an incremental ring (`IOU_PBUF_RING_INC`) many completions share one slot. The kernel does not say at which
/// offset the bytes of a completion are: they follow those of the completion before, so completions must be taken in
/// the order of the queue, and none may be left out.
///
/// Loop thread only.
@safe
final class ProvidedBufferRing {
  /// The group that receives name: `buf_group`.
  let group: UInt16
  /// The least size of a posted slot in bytes. The arena may give larger ones.
  let slotBytes: Int
  /// Several completions share a slot.
  let isIncremental: Bool
  /// Upper bound of ``postedSlots``.
  var maximumSlots: Int { memory.entries }
  /// Slots that the kernel holds at the moment, partly filled ones included.
  private(set) var postedSlots = 0
  /// How many slots ``replenish()`` posts up to.
  private(set) var targetSlots: Int
  /// What happened so far.
  private(set) var statistics = ProvidedBufferStatistics()

  /// Whether ``replenish()`` would ask for slots.
  @inline(__always)
  var wantsSlots: Bool { postedSlots < targetSlots || mustVisitArena }

  /// Bytes that the kernel may still fill.
  var room: Int {
    var bytes = 0
    for id in 0..<memory.entries {
      guard let view = unsafe slots[id].view else { continue }
      bytes += Int(view.count) - Int(unsafe slots[id].filled)
    }
    return bytes
  }

  /// The kernel has no slot: receives that find data end with ENOBUFS.
  var isEmpty: Bool { postedSlots == 0 }

  private let ring: Ring
  private let arena: BufferArena
  private let memory: BufferRingMemory
  /// The next position of the ring to be written.
  private var tail: UInt16 = 0
  // Why these pointers hold: each has room for `memory.entries`, initialized in `init` as far as it is read, until this
  // object goes. Ids that come from the kernel are compared with that bound before they are used (`take`), those of the
  // stack were put there by us, and no more than `memory.entries - postedSlots` are on it. One thread uses them.

  /// By buffer id: what is posted under it. A buffer id is not a position in the ring, which the kernel never tells.
  private let slots: UnsafeMutablePointer<PostedSlot>
  /// A stack of buffer ids that are not posted.
  private let freeIDs: UnsafeMutablePointer<UInt16>
  /// Where the arena puts a batch.
  private let batch: UnsafeMutableBufferPointer<DetachedView>
  private var isDry = false
  private var isShort = false
  private var mustVisitArena = false
  private var isClosed = false

  /// Registers an empty ring; ``replenish()`` fills it.
  /// - Parameters:
  ///   - ring: whose receives may use the group.
  ///   - arena: where slots come from and go back to.
  ///   - group: the group id, unique in `ring`.
  ///   - slotBytes: the least size of a slot.
  ///   - entries: upper bound of posted slots; a power of two, at most 32768.
  ///   - initialSlots: how many slots are posted as long as the ring never runs dry.
  ///   - sharesSlots: whether several completions may share a slot, where the kernel can do that. Datagrams must not: one that
  ///     meets the rest of a slot is cut.
  /// - Throws: ``RingError``: the memory counts against RLIMIT_MEMLOCK on newer kernels. io_uring_register_buf_ring(3).
  init(
    ring: Ring,
    arena: BufferArena,
    group: UInt16,
    slotBytes: Int,
    entries: Int,
    initialSlots: Int,
    sharesSlots: Bool = true
  ) throws(RingError) {
    let operation = "io_uring_register (IORING_REGISTER_PBUF_RING)"
    guard let memory = BufferRingMemory(entries: entries) else {
      let isPossible = entries > 0 && entries <= BufferRingMemory.maximumEntries && entries & (entries - 1) == 0
      throw isPossible
        ? RingError(reason: .outOfMemory, operation: "mmap", errno: .noMemory)
        : RingError(reason: .system(.invalidArgument), operation: operation, errno: .invalidArgument)
    }
    let isIncremental = sharesSlots && ring.features.has(.incrementalBuffers)
    let result = memory.register(with: ring, group: group, incremental: isIncremental)
    guard result == 0 else {
      // Here EEXIST says that the group is taken, not that the thread is the wrong one.
      throw result == -Errno.fileExists.rawValue
        ? RingError(reason: .system(.fileExists), operation: operation, errno: .fileExists)
        : RingError.diagnose(errno: -result, operation: operation)
    }
    self.ring = ring
    self.arena = arena
    self.group = group
    self.slotBytes = slotBytes
    self.isIncremental = isIncremental
    self.memory = memory
    targetSlots = max(1, min(initialSlots, entries))
    unsafe slots = .allocate(capacity: entries)
    unsafe slots.initialize(repeating: PostedSlot(), count: entries)
    unsafe freeIDs = .allocate(capacity: entries)
    for id in 0..<entries {
      // The stack's top is the lowest id, so that few slots use few cache lines of bookkeeping.
      unsafe freeIDs[id] = UInt16(truncatingIfNeeded: entries - 1 - id)
    }
    unsafe batch = .allocate(capacity: entries)
  }

  /// Slots that are still posted stay lent for ever: without ``close()`` nothing says that the kernel is done with
  /// them.
  deinit {
    if !isClosed { _ = memory.unregister(from: ring, group: group) }
    unsafe slots.deallocate()
    unsafe freeIDs.deallocate()
    unsafe batch.deallocate()
  }

  // MARK: Taking

  /// The bytes that a completion reports, as a reader of exactly them: the memory that the kernel wrote.
  ///
  /// Must be called for every completion that carries a buffer, also for errors and for an end of stream, because such
  /// a one may be the last of its slot.
  /// - Returns: nil if no bytes came, if the completion carries no buffer, or if it names one that is not posted here.
  @inline(__always)
  func take(_ completion: Completion) -> DetachedView? {
    guard let id = completion.bufferID else { return nil }
    let slot = unsafe slots + Int(id)
    // An address is computed before the bound is checked, and followed only behind it.
    guard Int(id) < memory.entries, let view = unsafe slot.pointee.view else { return reject() }
    statistics.completions &+= 1
    let isLast = !completion.bufferHasMore
    guard completion.result > 0 else {
      if isLast {
        forget(id)
        view.releaseFromKernel()
      }
      return nil
    }
    let count = UInt32(completion.result)
    let offset = planted(.forgetsSlotOffset) ? 0 : unsafe slot.pointee.filled
    guard count <= view.count &- offset else { return reject() }
    statistics.takenBytes &+= UInt64(count)
    if isLast { forget(id) } else { unsafe slot.pointee.filled = offset &+ count }
    return view.filled(at: Int(offset), count: Int(count), last: isLast)
  }

  @inline(__always)
  private func forget(_ id: UInt16) {
    unsafe slots[Int(id)].view = nil
    postedSlots &-= 1
    unsafe freeIDs[memory.entries &- postedSlots &- 1] = id
  }

  @inline(never)
  private func reject() -> DetachedView? {
    statistics.rejected += 1
    return nil
  }

  // MARK: Posting

  /// Posts fresh slots up to the target, in one batch with one tail advance. Once per turn, before receives are armed
  /// again.
  /// - Returns: how many were posted; fewer than wanted when the arena is at its limit.
  @discardableResult
  func replenish() -> Int {
    isDry = false
    let wanted = max(0, targetSlots - postedSlots)
    return (wanted > 0 || mustVisitArena) && !isClosed ? post(wanted) : 0
  }

  private func post(_ wanted: Int) -> Int {
    // `wanted` is at most what is not posted, so it fits the batch; the arena initializes what it reports.
    let count = unsafe arena.takeForKernel(
      slotBytes: slotBytes,
      into: UnsafeMutableBufferPointer(start: batch.baseAddress, count: wanted)
    )
    mustVisitArena = false
    isShort = count < wanted
    if isShort { statistics.shortfalls += 1 }
    guard count > 0 else { return 0 }
    for index in 0..<count {
      let view = unsafe batch[index]
      let id = unsafe freeIDs[memory.entries &- postedSlots &- 1]
      postedSlots &+= 1
      unsafe slots[Int(id)] = PostedSlot(view: view, filled: 0)
      // The view, which locks these bytes for a writer, stays in `slots` for as long as the kernel may write to them.
      unsafe memory.set(tail, base: view.base, count: view.count, id: id)
      tail &+= 1
    }
    memory.publish(tail: tail)
    statistics.posted += UInt64(count)
    statistics.batches += 1
    return count
  }

  /// A receive ended with ENOBUFS. Doubles the target, up to the bound, so that the next ``replenish()`` posts more.
  ///
  /// Counts once between two replenishments, however many receives met the empty ring, and not while the arena cannot
  /// even give what is wanted now.
  func noteDry() {
    guard !isDry else { return }
    isDry = true
    guard !isShort, targetSlots < maximumSlots else { return }
    targetSlots = min(maximumSlots, targetSlots * 2)
    statistics.growths += 1
  }

  /// The arena called back (`BufferArena.whenAvailable`): slots have returned, and are kept for us until we come. The
  /// next ``replenish()`` comes in any case, even if it wants nothing any more, so that others get them then.
  func noteReturned() {
    mustVisitArena = true
  }

  // MARK: The end

  /// Unregisters the group and gives every posted slot back.
  ///
  /// Only after the last completion of every receive on the group was taken: until then the kernel may write.
  func close() {
    guard !isClosed else { return }
    isClosed = true
    _ = memory.unregister(from: ring, group: group)
    for id in 0..<memory.entries {
      // No receive is under way, the caller says, so the kernel writes to none of them.
      guard let view = unsafe slots[id].view else { continue }
      forget(UInt16(truncatingIfNeeded: id))
      view.releaseFromKernel()
    }
  }
}

/// What is posted under one buffer id.
private struct PostedSlot: BitwiseCopyable {
  /// The kernel's writer of the whole slot; nil while the id is not posted.
  var view: DetachedView?
  /// Bytes that completions have reported so far: where the next one's begin.
  var filled: UInt32 = 0
}
