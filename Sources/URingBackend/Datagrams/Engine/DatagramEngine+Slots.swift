internal import IOBuffers

/// Slots are scarce when more than half of what there can be is held. From then on each socket is charged for what it and its
/// user hold, and receives no more while that is its share: what waits in the kernel's queue is the peers' loss, and no
/// other socket's. Loop thread only.
extension DatagramEngine {
  /// Posts slots that came home, and lets those receive that found none.
  func replenish(_ slots: DatagramSlots) {
    if isMultishot {
      guard slots.buffers.wantsSlots || !slots.starved.isEmpty || slots.isScarce else { return }
      slots.buffers.replenish()
    }
    measure(slots)
    guard !slots.starved.isEmpty else { return }
    let hasSlots =
      isMultishot ? !slots.buffers.isEmpty : arena.slotsAvailable(slotBytes: slots.plan.slotBytes) > 0
    hasSlots ? feed(slots) : wait(for: slots)
  }

  private func measure(_ slots: DatagramSlots) {
    let free = arena.slotsAvailable(slotBytes: slots.plan.slotBytes) + slots.buffers.postedSlots
    slots.isScarce = free < slots.plan.slots / 2
  }

  /// A receive found no slot. It is armed again when there are some, and not before.
  func starve(_ place: Place, _ slots: DatagramSlots) {
    guard !place.record.flags.contains(.isStarved) else { return }
    place.record.flags.insert(.isStarved)
    slots.starved.append(place.record.index)
    counters.datagramsStarved.bump()
    slotsReturned = true
  }

  private func feed(_ slots: DatagramSlots) {
    let waiting = slots.starved
    slots.starved.removeAll(keepingCapacity: true)
    for index in waiting {
      let place = records.place(Int(index))
      // A record that began another life meanwhile is not starved.
      guard place.record.flags.contains(.isStarved) else { continue }
      place.record.flags.remove(.isStarved)
      markDirty(place)
    }
  }

  /// Has the arena say when a slot is home. Nothing turns round meanwhile.
  private func wait(for slots: DatagramSlots) {
    guard !slots.waits else { return }
    slots.waits = true
    let place = slots.place
    arena.whenAvailable(slotBytes: slots.plan.slotBytes) { [self] in
      loop.execute { self.slotsCameHome(place) }
    }
  }

  private func slotsCameHome(_ place: Int) {
    slots[place]?.waits = false
    slots[place]?.buffers.noteReturned()
    slotsReturned = true
  }

  // MARK: Shares

  /// Charges a socket for a datagram. False: it holds its share, and the datagram is not for it.
  @inline(never)
  func admit(_ message: ReceivedMessage, _ place: Place, _ slots: DatagramSlots) -> Bool {
    if place.record.flags.contains(.isOverShare) { return false }
    let state = arena.charge(message.view, to: place.record.account)
    if state.charged >= share(slots, holders: state.holders) {
      place.record.flags.insert(.isOverShare)
      overShare.append(place.record.index)
      markDirty(place)
      startTicking()
    }
    return true
  }

  /// What one socket may hold while slots are scarce: an equal part of half of them, one part being nobody's yet.
  private func share(_ slots: DatagramSlots, holders: Int) -> Int {
    max(4, slots.plan.slots / 2 / (holders + 1)) * slots.plan.slotBytes
  }

  /// How often sockets that hold their share are looked at.
  private static let tick: UInt64 = 10_000_000

  private func startTicking() {
    guard !isTicking else { return }
    isTicking = true
    _ = loop.timers.arm(
      loop.now &+ DatagramEngine.tick,
      .notice { [self] in
        isTicking = false
        look()
      }
    )
  }

  /// Lets those receive again that hold half of their share at most.
  private func look() {
    var left: [UInt32] = []
    for index in overShare {
      let place = records.place(Int(index))
      guard place.record.flags.contains(.isOverShare), let slots = slots[place.record.slots] else { continue }
      let state = arena.accountState(place.record.account)
      if slots.isScarce, state.charged > share(slots, holders: state.holders) / 2 {
        measure(slots)
        left.append(index)
      } else {
        place.record.flags.remove(.isOverShare)
        markDirty(place)
      }
    }
    overShare = left
    if !left.isEmpty { startTicking() }
  }
}
