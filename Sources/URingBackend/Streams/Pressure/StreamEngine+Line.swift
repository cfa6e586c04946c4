internal import IOBuffers

/// The line for receive slots. Loop thread only.
///
/// A receive that finds the open ring empty joins the line, and comes back to it as long as there is one and more for it;
/// under pressure every receive does. Whoever comes to its
/// front receives once, at most a portion, from a ring of the line's own (`SlotLine`). So nobody waits longer than one
/// portion of each of those before it, whatever the standing receives of others take.
extension StreamEngine {
  /// Those who have not met an empty ring may have nothing to receive; so many of them have their turn at once.
  static let turnsPerServing = 256
  /// Those who push take a portion each: so few of them have their turn at once that nobody else waits for long.
  static let portionsPerServing = 2

  func joinLine(_ index: Int, isHungry: Bool) {
    records[index].machine.starve()
    if records[index].waitingSince == 0 { records[index].waitingSince = waitClock }
    line.append(records[index].id, isHungry: isHungry, pushes: records[index].pushes, at: waitClock)
    startTicking()
  }

  /// A connection that held its share moved: it may hold less.
  func joinLineAgain(_ place: Place) {
    place.record.machine.unblock()
    let pushes = place.record.pushes
    line.append(place.record.id, isHungry: pushes, pushes: pushes, at: waitClock)
  }

  /// Posts slots that came back: the line's first. Under pressure no other ring gets any, so that what stands posted there is
  /// soon used up, and every receive comes to the line.
  func replenish() {
    slotsReturned = false
    guard buffers.wantsSlots || lineBuffers.wantsSlots || pressure.isOn || !line.isEmpty else { return }
    _ = lineBuffers.replenish()
    noteRefusedMemory()
    notePressure()
    if !pressure.isOn { _ = buffers.replenish() }
    notePosted()
  }

  func notePosted() {
    counters.postedSlots.set(UInt64(buffers.postedSlots + lineBuffers.postedSlots))
  }

  /// Lets those at the front receive, as many as there are slots for.
  func serveLine() {
    guard !line.isEmpty else { return }
    var room = lineBuffers.room
    var turns = StreamEngine.turnsPerServing
    var portions = StreamEngine.portionsPerServing
    for _ in 0..<line.count {
      guard let entry = line.first, turns > 0, portions > 0, room > 0 else { break }
      line.removeFirst()
      guard let index = find(entry.connection), records[index].machine.flags.contains(.starved) else { continue }
      if !pressure.isOn, !entry.isHungry {
        // Slots abound again: its receive may stand.
        _ = records[index].machine.feed()
        records[index].waitingSince = 0
        markDirty(index)
        continue
      }
      let portion = portion(index, isHungry: entry.isHungry)
      guard portion > 0 else {
        records[index].machine.block()
        list(index)
        continue
      }
      if records[index].machine.feed() {
        records[index].portion = UInt32(portion)
        records[index].waitingSince = 0
        turns -= 1
        if records[index].pushes { portions -= 1 }
        if entry.isHungry { room -= lineBuffers.isIncremental ? portion : lineBuffers.slotBytes }
      }
      markDirty(index)
    }
    // The slots are published by now: the receives may follow.
    settleDirty()
    if !line.isEmpty, lineBuffers.isEmpty, !waitsForSlots { waitForSlots() }
  }

  /// What a connection may receive now; nothing when it holds its share.
  private func portion(_ index: Int, isHungry: Bool) -> Int {
    // What is read only to be discarded is held by nobody.
    let allowance =
      records[index].machine.flags.contains(.closing)
      ? Int.max : Int(records[index].machine.receiveAllowance)
    guard pressure.isOn, !records[index].machine.flags.contains(.closing) else {
      return min(memory.plan.slotBytes, allowance)
    }
    let most = min(memory.plan.largestPortion, allowance)
    return min(most, share(index), isHungry ? .max : pressure.standing(connections: openConnections))
  }

  private func waitForSlots() {
    waitsForSlots = true
    counters.starvedWaits.bump()
    let loop = loop
    memory.slots.whenAvailable(slotBytes: memory.plan.slotBytes) {
      loop.execute {
        self.waitsForSlots = false
        self.slotsReturned = true
        self.lineBuffers.noteReturned()
      }
    }
  }
}
