/// Who waits, and what happens to them.
extension ArenaState {
  /// The line in which one waits for `bytes`.
  func line(for bytes: Int) -> Int {
    classes.smallest(for: bytes) ?? classes.count
  }

  /// Lets somebody wait.
  mutating func enqueue(_ waiter: ArenaWaiter) {
    queue.append(waiter, line: line(for: waiter.bytes))
    counters.waits += 1
  }

  /// Serves waiters in their order, as far as there are slots for them.
  mutating func serve(home: SlotHome) -> [Wakeup] {
    var wakeups: [Wakeup] = []
    // Whoever wants at least as much as somebody who was refused would be refused too.
    var limit = queue.lineCount
    while let line = queue.nextLine(below: limit), let waiter = queue.first(in: line) {
      if let wakeup = serve(waiter, home: home) {
        queue.remove(waiter, line: line)
        wakeups.append(wakeup)
      } else {
        limit = line
      }
    }
    return wakeups
  }

  /// What wakes one waiter; nil if it has to go on waiting.
  private mutating func serve(_ waiter: ArenaWaiter, home: SlotHome) -> Wakeup? {
    switch waiter.purpose {
    case .none:
      return nil
    case .loan(let continuation):
      let result = obtain(waiter.bytes, for: .owner, home: home)
      if case .failure(.limitReached) = result { return nil }
      return .loan(continuation, result)
    case .notice(let body):
      return promise(waiter.bytes, home: home) ? .notice(body) : nil
    }
  }

  /// Keeps a free slot for a kernel that is told of it now. Only ``BufferArena/takeForKernel(slotBytes:mayGrow:into:)``
  /// gets it; so a loop that was woken does not find that somebody was faster, again and again.
  mutating func promise(_ bytes: Int, home: SlotHome) -> Bool {
    guard let place = classes.smallest(for: bytes) else { return hasRoom(toMap: wholePages(bytes)) }
    if promiseSlot(of: place, home: home) { return true }
    if grow(place) == nil, promiseSlot(of: place, home: home) { return true }
    return classes.indices.contains { $0 > place && promiseSlot(of: $0, home: home) }
  }

  private mutating func promiseSlot(of place: Int, home: SlotHome) -> Bool {
    if classes[place].unpromised == 0, let slot = cut(place, home: home) { classes[place].push(slot) }
    guard classes[place].unpromised > 0 else { return false }
    classes[place].promised += 1
    return true
  }

  /// The kernel has come: what it did not take is everybody's again.
  func forgetPromises() {
    for place in classes.indices { classes[place].promised = 0 }
  }

  /// Refuses new loans and fails everybody who waits for one. Segments go as they become idle.
  mutating func close() -> [Wakeup] {
    isClosed = true
    for place in classes.indices { classes[place].forget() }
    for number in segments.indices where segments[number]?.isIdle == true { unmap(number) }
    var wakeups: [Wakeup] = []
    while let line = queue.nextLine(below: queue.lineCount), let waiter = queue.first(in: line) {
      switch queue.remove(waiter, line: line) {
      case .loan(let continuation): wakeups.append(.loan(continuation, .failure(.closed)))
      // Not called: it would promise what will never come.
      case .notice(let body): wakeups.append(.forget(body))
      case .some(.none), nil: break
      }
    }
    return wakeups
  }

  /// Whether the arena has just become closed with every slot at home. True once.
  mutating func finish() -> Bool {
    guard isClosed, slotsOut == 0, !isFinished else { return false }
    isFinished = true
    return true
  }
}

extension ArenaState {
  /// Those who wait for the end of the arena, if it has come.
  mutating func finishedCloseWaiters() -> [Wakeup] {
    guard isClosed, slotsOut == 0 else { return [] }
    defer { closeWaiters = [] }
    return closeWaiters.compactMap { waiter in
      waiter.continuation.map { .close($0) }
    }
  }
}
