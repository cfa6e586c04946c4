internal import IOBuffers
internal import Logging

/// What happens while receive slots are scarce (see `PoolPressure`). Loop thread only.
extension StreamEngine {
  /// The facts of this turn, and what follows when they change the state.
  func notePressure() {
    let free = memory.plan.slots - memory.slots.slotsOut
    let copied = pressure.isOn ? memory.copies.accountState(ConnectionRecord.noAccount).total : 0
    switch pressure.note(slotsFree: free, copied: copied) {
    case nil: break
    case .began:
      counters.pressureEpisodes.bump()
      if episode.begin(at: loop.now) {
        loop.logger?.warning(
          "receive slots are scarce: received bytes are copied, and each connection may hold less; raise poolBytes, or release views sooner",
          metadata: [
            "loop": "\(loop.index)", "slots": "\(memory.plan.slots)", "slot-bytes": "\(memory.plan.slotBytes)",
            "held": "\(memory.plan.slots - free)", "connections": "\(openConnections)",
          ]
        )
      }
      relieve()
      startTicking()
    case .ended:
      if episode.end() {
        loop.logger?.notice(
          "receive slots abound again",
          metadata: ["loop": "\(loop.index)", "bytes-copied": "\(counters.bytesCopiedOut.current)"]
        )
      }
    }
  }

  /// What a connection may receive as far as its share goes.
  func share(_ index: Int) -> Int {
    let state = memory.copies.accountState(records[index].account)
    return pressure.portion(
      own: state.charged,
      charged: state.total,
      holders: state.holders,
      pushes: records[index].pushes
    )
  }

  func account(_ index: Int) -> UInt32 {
    if records[index].account == ConnectionRecord.noAccount { records[index].account = memory.copies.openAccount() }
    return records[index].account
  }

  /// Moves received bytes out of their slot, so that whoever keeps them pins no more than a copy that fits. Where there is no
  /// memory for the copy, they stay where they are.
  @inline(never)
  func moveOut(_ view: DetachedView, _ index: Int) -> DetachedView {
    // More than a portion comes only from slots that were posted before.
    guard Int(view.count) <= memory.plan.largestPortion,
      let copy = memory.copies.copy(view, chargedTo: account(index))
    else { return view }
    counters.bytesCopiedOut.bump(by: UInt64(view.count))
    view.releaseReader()
    return copy
  }

  /// Moves what a queue has in receive slots into copies that fit, the bytes of several views together.
  func compact(_ queue: inout ViewQueue, in nodes: ViewNodes, of index: Int) {
    let account = account(index)
    let copied = nodes.compact(&queue, from: memory.slots, into: memory.copies, account: account)
    counters.bytesCopiedOut.bump(by: UInt64(copied))
  }

  func compactOutput(_ place: Place) {
    if planted(.releasesAtSubmission) || planted(.leaksSentView) { return }
    compact(&place.record.sendQueue, in: sendNodes, of: Int(place.record.index))
  }

  // MARK: Compaction of what was queued before

  /// At most so many connections are compacted at a time.
  static let compactionsAtOnce = 64

  /// Compacts what pins slots in vain: worst ratio of pinned to held bytes first, of equal ones the oldest. Done when slots
  /// abound, or when the copies take what `PoolPressure` leaves to them; the rest comes with the next tick.
  func relieve() {
    guard memory.plan.slots - memory.slots.slotsOut < memory.plan.slots / 2 else { return }
    var room = pressure.compactionRoom(charged: memory.copies.accountState(ConnectionRecord.noAccount).total)
    var candidates: [(index: Int, bytes: Int, ratio: Int, since: UInt64)] = []
    for index in 0..<records.count where records[index].isOpen {
      var pinned = sendNodes.pins(records[index].sendQueue, of: memory.slots)
      withSink(index) { pinned += $0.unreadPins(index, of: memory.slots) }
      // Less than half of it is in vain: to copy that would gain little.
      guard pinned.slotBytes >= 2 * max(1, pinned.bytes) else { continue }
      let ratio = pinned.slotBytes / max(1, pinned.bytes)
      candidates.append((index, pinned.bytes, ratio, records[index].lastActivity))
    }
    candidates.sort { ($1.ratio, $0.since) < ($0.ratio, $1.since) }
    for candidate in candidates.prefix(StreamEngine.compactionsAtOnce) {
      guard candidate.bytes <= room else { continue }
      room -= candidate.bytes
      records[candidate.index].machine.compact()
      withSink(candidate.index) { $0.compactUnread(candidate.index) }
      markDirty(candidate.index)
    }
  }

  // MARK: The tick

  static let tickToken: UInt64 = 1 << 62
  static let tickInterval: UInt64 = 10_000_000

  /// While somebody waits for memory a timer looks at what nobody reports: views that user code released, memory that the
  /// system refused before, and waits that are too long.
  func startTicking() {
    guard !isTicking, !isStopping else { return }
    isTicking = true
    lastTick = loop.now
    _ = loop.timers.arm(loop.now &+ StreamEngine.tickInterval, .client(StreamEngine.tickToken))
  }

  func tick() {
    isTicking = false
    waitClock &+= min(loop.now &- lastTick, 5 * StreamEngine.tickInterval)
    if pressure.isOn { relieve() }
    lookAtBlocked()
    lookAtLine()
    // Memory that the system refused may be there by now.
    if episode.isRefused { lineBuffers.noteReturned() }
    if planted(.stopsTicking) { isTicking = true }
    if pressure.isOn || !line.isEmpty || !blocked.isEmpty || episode.isRefused { startTicking() }
  }

  private func lookAtBlocked() {
    let waiting = blocked
    var isStarving = false
    blocked.removeAll(keepingCapacity: true)
    for id in waiting {
      guard let place = place(id) else { continue }
      place.record.isListed = false
      guard place.record.machine.flags.contains(.blocked) else { continue }
      let index = Int(id.index)
      if !pressure.isOn || share(index) > 0 {
        joinLineAgain(place)
      } else if isTooLong(place), holdsForItsUser(place), !planted(.sparesHolders) {
        giveUp(index, "its user code holds memory that others need")
      } else {
        // It holds nothing, and waits for those that do.
        isStarving = isStarving || isTooLong(place) && !isCharged(place)
        list(index)
        watch(place)
      }
    }
    if isStarving { giveUpLargestHolder() }
  }

  /// Puts a connection onto the list of those that hold their share, where the tick finds it.
  func list(_ index: Int) {
    guard !records[index].isListed, !planted(.forgetsBlocked) else { return }
    records[index].isListed = true
    blocked.append(records[index].id)
  }

  private func lookAtLine() {
    // That the line's ring is empty at this moment says nothing: only when the arena has no slot is there nobody to be
    // served, and then a reset need not wait for the bytes before it.
    guard waitsForSlots else { return }
    for id in line.connections {
      if let place = place(id), place.record.machine.flags.contains(.starved) { watch(place) }
    }
    // Nobody can be served: whoever holds most has to go, once the wait is too long.
    guard let first = line.first, let place = place(first.connection),
      waitClock &- first.since >= place.record.timeouts.hold
    else { return }
    giveUpLargestHolder()
  }

  private func giveUpLargestHolder() {
    if planted(.sparesHolders) { return }
    if let worst = largestHolder() { giveUp(worst, "it holds more of the pool than any other while others wait") }
  }

  private func watch(_ place: Place) {
    guard place.record.machine.flags.isDisjoint(with: [.watchWanted, .watchArmed]) else { return }
    place.record.machine.watch()
    markDirty(place)
  }

  private func isTooLong(_ place: Place) -> Bool {
    place.record.waitingSince > 0 && waitClock &- place.record.waitingSince >= place.record.timeouts.hold
  }

  /// Whether the connection is charged with views that are in its user's hands: none of it waits in a queue of ours.
  private func holdsForItsUser(_ place: Place) -> Bool {
    isCharged(place) && place.record.machine.unsent == 0 && place.record.machine.unread == 0
  }

  private func isCharged(_ place: Place) -> Bool {
    let account = place.record.account
    return account != ConnectionRecord.noAccount && memory.copies.accountState(account).charged > 0
  }

  private func largestHolder() -> Int? {
    var worst: (index: Int, bytes: Int)?
    for index in 0..<records.count where records[index].isOpen && !records[index].machine.flags.contains(.aborting) {
      var bytes = 0
      withSink(index) { bytes = $0.unreadPins(index, of: memory.slots).slotBytes }
      bytes += sendNodes.pins(records[index].sendQueue, of: memory.slots).slotBytes
      if records[index].account != ConnectionRecord.noAccount {
        bytes += memory.copies.accountState(records[index].account).charged
      }
      if bytes > worst?.bytes ?? 0 { worst = (index, bytes) }
    }
    return worst?.index
  }

  private func giveUp(_ index: Int, _ reason: Logger.Message) {
    let charged = memory.copies.accountState(records[index].account)
    loop.logger?.warning(
      reason,
      metadata: [
        "peer": "\(records[index].peer.map(\.description) ?? "?")", "held": "\(charged.charged)",
        "held-by-all": "\(charged.total)", "waiting": "\(line.count + blocked.count)",
      ]
    )
    counters.connectionsEvicted.bump()
    abort(index, .holdsMemory)
  }

  /// The system refused to map memory that the pool may have: said once, and tried again with each tick.
  func noteRefusedMemory() {
    let isRefused = lineBuffers.isEmpty && memory.slots.slotsOut < memory.plan.slots
    guard isRefused != episode.isRefused else { return }
    episode.isRefused = isRefused
    if isRefused { startTicking() }
    if isRefused, episode.refuse(at: loop.now) {
      loop.logger?.warning(
        "the system refuses memory for receive slots; trying again",
        metadata: ["loop": "\(loop.index)"]
      )
    }
  }
}

/// What was said about the present shortage. One that comes back within seconds is not said again.
struct PressureEpisode {
  private static let quiet: UInt64 = 10_000_000_000
  private var saidAt: UInt64 = 0
  private var isSaid = false
  private var refusedAt: UInt64 = 0
  /// The system refused memory, the last time that it was asked.
  var isRefused = false

  /// Whether to say that it began.
  mutating func begin(at now: UInt64) -> Bool {
    guard saidAt == 0 || now &- saidAt >= PressureEpisode.quiet else { return false }
    saidAt = now
    isSaid = true
    return true
  }

  /// Whether to say that the system refuses memory.
  mutating func refuse(at now: UInt64) -> Bool {
    defer { refusedAt = now }
    return refusedAt == 0 || now &- refusedAt >= PressureEpisode.quiet
  }

  /// Whether to say that it ended.
  mutating func end() -> Bool {
    defer { isSaid = false }
    return isSaid
  }
}
