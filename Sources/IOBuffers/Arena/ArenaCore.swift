/// The arena itself. ``BufferArena`` is only the handle by which a program reaches it: the core lives until it is closed
/// and the last of its slots is home, and holds a reference to itself until then. So slots and views need not retain it.
package final class ArenaCore: SlotHome, @unchecked Sendable {
  // Sound: what changes is in the state, behind its lock, and in the list of returned slots, which is atomic.
  let configuration: BufferArena.Configuration
  private let isSanitized: Bool
  private let classes: SizeClasses
  private let returns = ReturnList()
  private let state: Guarded<ArenaState>

  init(_ configuration: BufferArena.Configuration, mapFault: (@Sendable (Int) -> Int32?)? = nil) {
    self.configuration = configuration
    self.isSanitized = AddressSanitizer.isLoaded
    let holders = configuration.diagnostics.samplingInterval.map { HolderTable(every: $0) }
    var flags: SlotHeader.Flags = []
    if isSanitized { flags.insert(.sanitized) }
    if holders != nil { flags.insert(.tracked) }
    self.classes = SizeClasses(slotSizes: configuration.slotSizes)
    self.state = Guarded(ArenaState(configuration, flags: flags, classes: classes, mapFault: mapFault))
    super.init(holders: holders)
    // Given up by whoever finds the arena closed and complete.
    // Sound: released once, in `withState`.
    _ = unsafe Unmanaged.passRetained(self)
  }

  deinit {
    // All segments are gone: that is why nothing holds the core any more.
    classes.deallocate()
  }

  /// Runs `body` on the state, with all returned slots put back if `draining`, then serves those who wait.
  ///
  /// The one way to the state: it keeps the rules that the returned list is wanted exactly while somebody waits or the
  /// arena is closed, that foreign code runs after the lock is free, and that a complete arena lets go of itself.
  func withState<R>(draining: Bool = true, _ body: (inout ArenaState, inout [Wakeup]) -> R) -> R where R: Sendable {
    let (result, wakeups, isFinished) = state.withLock { state -> (R, [Wakeup], Bool) in
      var wakeups: [Wakeup] = []
      if draining { drain(&state) }
      let result = body(&state, &wakeups)
      if !state.queue.isEmpty {
        // Wanted first, then drained: a slot that is pushed before the mark is found, one after it comes to the state.
        drain(&state)
        wakeups += state.serve(home: self)
        drain(&state)
      }
      if state.isClosed {
        drain(&state)
        wakeups += state.finishedCloseWaiters()
      }
      return (result, wakeups, state.finish())
    }
    for wakeup in wakeups { wakeup.perform() }
    // Sound: `finish()` is true once; the caller has a reference of its own.
    if isFinished { unsafe Unmanaged.passUnretained(self).release() }
    return result
  }

  /// Takes a slot of at least `bytes`, without anybody to be woken: the fast path.
  func take(_ bytes: Int) -> Result<Slot, BufferError> {
    state.withLock { state in
      if let slot = state.takeFree(bytes) { return .success(slot) }
      // Returned slots are fetched only when they are needed: the free list is the cheaper look.
      drain(&state)
      if let slot = state.takeFree(bytes) { return .success(slot) }
      return state.obtain(bytes, for: .owner, home: self)
    }
  }

  /// Puts the returned slots back. Afterwards the list says whether slots are wanted at once.
  func drain(_ state: inout ArenaState) {
    let wanted = !state.queue.isEmpty || state.isClosed
    if wanted || returns.isWanted || !returns.isEmpty {
      state.adopt(returns.takeAll(wantingMore: wanted))
    }
  }

  package override func reclaim(_ slot: Slot) -> Bool {
    if isSanitized { slot.poison() }
    slot.advanceGeneration()
    return returns.push(slot)
  }

  package override func reclaimSlowly(_ slot: Slot) {
    withState { state, _ in state.putBack(slot) }
  }
}
