/// Memory that is put together for one who waits for more than what comes home.
///
/// Slots of smaller sizes that come home are lent again, also to those who came later; their segments may never become
/// idle that way, and who waits for a larger slot would wait for ever. So after some patience as many segments as it needs
/// are withheld: nothing is lent from them, each is given back when its last slot is home, and the room that this makes is
/// kept. All other memory goes on serving all others.
struct Reservation {
  /// For whom. It stands in the queue.
  let waiter: ArenaWaiter
  /// How much is to be mapped for it.
  let bytes: Int
  /// The segments that are withheld, and not idle yet.
  var segments: [Int] = []
  /// How many bytes these have.
  var pendingBytes = 0
  /// Segments that were withheld for the same waiter before, and did not become idle in time.
  var tried: [Int] = []

  /// What nobody else may map: what does not have to come from withheld segments any more.
  var held: Int { max(0, bytes - pendingBytes) }
}

extension ArenaState {
  /// Puts memory together for somebody who was refused, or other memory if what was withheld is still in use: a segment
  /// may have a slot that never comes home.
  mutating func reserve(for waiter: ArenaWaiter) {
    var tried: [Int] = []
    if let reservation {
      guard reservation.waiter === waiter else { return }
      tried = reservation.tried + reservation.segments
      endReservation(for: waiter)
    }
    // Longer each time, because slots may just be out for long.
    waiter.homecomings = homecomings
    waiter.patience *= 2
    guard let reservation = plan(for: waiter, avoiding: tried) ?? plan(for: waiter, avoiding: []) else { return }
    for number in reservation.segments {
      if let segment = segments[number], let place = segment.sizeClass { classes[place].withhold(segment) }
    }
    self.reservation = reservation
    for number in reservation.segments where segments[number]?.isIdle == true { giveBackWithheld(number) }
  }

  /// The emptiest segments of smaller sizes that make enough room; nil if they do not. What comes home in its own size or
  /// a larger one serves the waiter anyway.
  private func plan(for waiter: ArenaWaiter, avoiding tried: [Int]) -> Reservation? {
    let place = classes.smallest(for: waiter.bytes)
    let needed = wholePages(max(place.map { classes[$0].slotBytes } ?? waiter.bytes, 1))
    let missing = needed - room
    // With room enough it is the system that refuses, and withholding does not help.
    guard missing > 0 else { return nil }
    let candidates = segments.compactMap { $0 }.filter { segment in
      guard let smaller = segment.sizeClass, !tried.contains(segment.record.number) else { return false }
      return smaller < place ?? classes.count && classes[smaller].promised == 0
    }
    var reservation = Reservation(waiter: waiter, bytes: needed, tried: tried)
    for segment in candidates.sorted(by: { $0.isEmptier(than: $1) }) where reservation.pendingBytes < missing {
      reservation.segments.append(segment.record.number)
      reservation.pendingBytes += segment.mapping.bytes
    }
    return reservation.pendingBytes < missing ? nil : reservation
  }

  /// A withheld segment has become idle.
  @inline(never)
  mutating func giveBackWithheld(_ number: Int) {
    guard let segment = segments[number] else { return }
    reservation?.segments.removeAll { $0 == number }
    reservation?.pendingBytes -= segment.mapping.bytes
    counters.trims += 1
    unmap(number)
  }

  /// Serves the one for whom memory is put together, if there is enough of it by now.
  mutating func serveReserved(home: SlotHome) -> Wakeup? {
    guard let reservation else { return nil }
    let waiter = reservation.waiter
    // It alone may use what is held.
    self.reservation = nil
    let wakeup = serve(waiter, home: home)
    self.reservation = reservation
    if wakeup != nil {
      leave(waiter)
    } else if isImpatient(waiter) {
      reserve(for: waiter)
    }
    return wakeup
  }

  /// Whether so many slots have come home, and were of no use to somebody who waits, that memory is put together for it.
  func isImpatient(_ waiter: ArenaWaiter) -> Bool {
    homecomings &- waiter.homecomings >= waiter.patience
  }

  /// Somebody waits no more: what was withheld for it and is still in use may be lent again.
  mutating func endReservation(for waiter: ArenaWaiter) {
    guard let reservation, reservation.waiter === waiter else { return }
    self.reservation = nil
    for number in reservation.segments {
      if let segment = segments[number], let place = segment.sizeClass { classes[place].admit(segment) }
    }
  }
}

extension Segment {
  /// Whether a smaller part of this segment is lent.
  fileprivate func isEmptier(than other: Segment) -> Bool {
    Int(record.fields.outCount) * other.slotCount < Int(other.record.fields.outCount) * slotCount
  }
}
