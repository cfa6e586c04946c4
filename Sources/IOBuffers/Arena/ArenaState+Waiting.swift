/// Who waits, and what happens to them.
extension ArenaState {
  /// The line in which one waits for `bytes`.
  func line(for bytes: Int) -> Int {
    classes.smallest(for: bytes) ?? classes.count
  }

  /// Lets somebody wait.
  mutating func enqueue(_ waiter: ArenaWaiter) {
    waiter.homecomings = homecomings
    queue.append(waiter, line: line(for: waiter.bytes))
    counters.waits += 1
  }

  /// Serves waiters in their order, as far as there are slots for them.
  mutating func serve(home: SlotHome) -> [Wakeup] {
    var wakeups: [Wakeup] = []
    if let wakeup = serveReserved(home: home) { wakeups.append(wakeup) }
    // Whoever wants at least as much as somebody who was refused would be refused too.
    var limit = queue.lineCount
    while let line = queue.nextLine(below: limit), let waiter = queue.first(in: line) {
      if let wakeup = serve(waiter, home: home) {
        leave(waiter)
        wakeups.append(wakeup)
      } else {
        limit = line
        if reservation == nil, isImpatient(waiter) { reserve(for: waiter) }
      }
    }
    return wakeups
  }

  /// Takes somebody out of the queue.
  ///
  /// - Returns: what it waited for; nil if it does not wait any more.
  @discardableResult
  mutating func leave(_ waiter: ArenaWaiter) -> ArenaWaiter.Purpose? {
    endReservation(for: waiter)
    return queue.remove(waiter, line: line(for: waiter.bytes))
  }

  /// What wakes one waiter; nil if it has to go on waiting.
  mutating func serve(_ waiter: ArenaWaiter, home: SlotHome) -> Wakeup? {
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
    guard let place = classes.smallest(for: bytes) else {
      // Mapped at once: room that somebody else may take, or that the system then refuses, is no promise.
      guard case .success(let slot) = mapLarge(bytes, home: home) else { return false }
      promisedLarge.append(slot)
      return true
    }
    if promiseSlot(of: place) { return true }
    if grow(place) == nil, promiseSlot(of: place) { return true }
    return classes.indices.contains { $0 > place && promiseSlot(of: $0) }
  }

  private func promiseSlot(of place: Int) -> Bool {
    guard classes[place].unpromised > 0 else { return false }
    classes[place].promised += 1
    return true
  }

  /// The kernel has come: what it did not take is everybody's again.
  mutating func forgetPromises() {
    for place in classes.indices { classes[place].promised = 0 }
    for slot in promisedLarge { unmap(slot.segment) }
    promisedLarge = []
  }

  /// Refuses new loans and fails everybody who waits for one. Segments go as they become idle.
  mutating func close() -> [Wakeup] {
    isClosed = true
    reservation = nil
    promisedLarge = []
    for place in classes.indices { classes[place].forget() }
    for number in segments.indices where segments[number]?.isIdle == true { unmap(number) }
    var wakeups: [Wakeup] = []
    while let line = queue.nextLine(below: queue.lineCount), let waiter = queue.first(in: line) {
      switch leave(waiter) {
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
