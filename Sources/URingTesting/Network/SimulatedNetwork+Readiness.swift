internal import Glibc
package import URingBackend

/// Which calls are worth a try: poll(2), and reports of changes as epoll's edges.
extension SimulatedNetwork {
  /// POLLRDHUP, which the C library declares under _GNU_SOURCE only.
  private static var peerHungUp: UInt32 { 0x2000 }
  private static var input: UInt32 { UInt32(POLLIN) }
  private static var output: UInt32 { UInt32(POLLOUT) }
  private static var failure: UInt32 { UInt32(POLLERR) }
  private static var hungUp: UInt32 { UInt32(POLLHUP) }

  /// poll(2) of one descriptor that does not wait: what is there of `events`, and errors always. Or -EBADF.
  package mutating func poll(_ descriptor: Int32, _ events: UInt32) -> Int32 {
    guard let entry = entry(descriptor) else { return -EBADF }
    if table[entry].kind == .stream, events & Self.output != 0 {
      let side = table[entry].index
      // Who polls for space is told of it: tcp_poll sets SOCK_NOSPACE.
      if sides[side].state == .established, !sides[side].isWritable { sides[side].flags.insert(.wantsSpace) }
    }
    return Int32(bitPattern: mask(entry) & (events | Self.failure | Self.hungUp))
  }

  /// tcp_poll. Each line was verified.
  private func mask(_ entry: Int) -> UInt32 {
    let index = table[entry].index
    if table[entry].kind == .listener {
      if listeners[index].isShut { return Self.output | Self.hungUp }
      return listeners[index].waiting.isEmpty ? 0 : Self.input
    }
    let side = sides[index]
    var mask: UInt32 = side.error != 0 ? Self.failure : 0
    if side.state == .connecting { return mask }
    let outputShut = side.flags.contains(.outputShut)
    if side.state == .fresh || side.state == .closed || (side.inputIsOver && outputShut) { mask |= Self.hungUp }
    if side.inputIsOver { mask |= Self.input | Self.peerHungUp }
    if side.available > 0 { mask |= Self.input }
    if outputShut || side.isWritable { mask |= Self.output }
    return mask
  }

  private func readiness(_ entry: Int) -> Readiness {
    let mask = mask(entry)
    // POLLHUP without POLLRDHUP is a socket that was never connected, or listens no more: no stream of it has ended.
    let isOver = mask & (Self.peerHungUp | Self.failure) != 0
    var readiness: Readiness = []
    if mask & (Self.input | Self.failure | Self.hungUp) != 0 { readiness.insert(.input) }
    if mask & (Self.output | Self.failure | Self.hungUp) != 0 { readiness.insert(.output) }
    if isOver { readiness.insert(.inputEnds) }
    return readiness
  }

  /// Begins to report on a descriptor: what is ready now, and each later change. Or begins anew.
  package mutating func watch(_ descriptor: Int32, generation: UInt32) -> Int32 {
    guard let entry = entry(descriptor) else { return -EBADF }
    // Watched already: a new generation, and what is ready is reported once more, as EPOLL_CTL_MOD does.
    table[entry].isWatched = true
    table[entry].generation = generation
    let readiness = readiness(entry)
    if !readiness.isEmpty { report(descriptor, readiness) }
    return 0
  }

  /// Something has changed at a side.
  mutating func changed(_ side: Int, _ readiness: Readiness) {
    if sides[side].descriptor >= 0 {
      report(sides[side].descriptor, readiness)
    } else if sides[side].flags.contains(.isPeer) {
      hasPeerNews = true
    }
  }

  /// Keeps a change for the next wait. Several changes before it are one report.
  mutating func report(_ descriptor: Int32, _ readiness: Readiness) {
    let entry = Int(descriptor) - Int(limits.firstDescriptor)
    guard table.indices.contains(entry), table[entry].isWatched else { return }
    table[entry].changed.formUnion(readiness)
    guard !table[entry].isQueued else { return }
    table[entry].isQueued = true
    ready.append(entry)
  }

  /// Moves reports into `reports`, in an order that is drawn.
  package mutating func takeReports(into reports: inout [ReadinessEvent], limit: Int) {
    while !ready.isEmpty, reports.isEmpty { takeSomeReports(into: &reports, limit: limit) }
  }

  private mutating func takeSomeReports(into reports: inout [ReadinessEvent], limit: Int) {
    var count = min(limit, ready.count)
    let fewer = Int(choices.draw(.reportCount, below: UInt32(count)))
    if fewer > 0 { count = fewer }
    for index in 0..<count {
      let other = index + Int(choices.draw(.reportOrder, below: UInt32(ready.count - index)))
      if other != index { ready.swapAt(index, other) }
      takeReport(ready[index], into: &reports)
    }
    ready.removeFirst(count)
    if !reports.isEmpty { reportForNothing(into: &reports) }
  }

  private mutating func takeReport(_ entry: Int, into reports: inout [ReadinessEvent]) {
    // Closed since, or reported through another place in the list.
    guard table[entry].isQueued else { return }
    table[entry].isQueued = false
    let changed = table[entry].changed
    table[entry].changed = []
    // Linux looks at the socket when it reports: a byte brings POLLOUT along, and what is not so any more brings nothing.
    let readiness = choices.happens(.reportsChangesOnly) ? changed : readiness(entry)
    guard !readiness.isEmpty else { return }
    reports.append(
      ReadinessEvent(
        descriptor: limits.firstDescriptor + Int32(entry),
        generation: table[entry].generation,
        readiness: readiness
      )
    )
  }

  /// A report is a hint: now and then there is one without a reason.
  private mutating func reportForNothing(into reports: inout [ReadinessEvent]) {
    let place = Int(choices.draw(.reportsForNothing, below: UInt32(table.count + 1)))
    guard place > 0, table[place - 1].isWatched else { return }
    reports.append(
      ReadinessEvent(
        descriptor: limits.firstDescriptor + Int32(place - 1),
        generation: table[place - 1].generation,
        readiness: [.input, .output]
      )
    )
  }
}
