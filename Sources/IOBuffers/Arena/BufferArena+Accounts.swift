/// Copies that somebody is charged for.
extension BufferArena {
  /// What accounts are charged, at one moment. From ``accountState(_:)``.
  package struct AccountState: Sendable, Equatable {
    /// The capacity, in bytes, of the slots that are out and charged to the account.
    package var charged: Int
    /// The same of all accounts together.
    package var total: Int
    /// How many accounts are charged anything.
    package var holders: Int

    package init(charged: Int, total: Int, holders: Int) {
      self.charged = charged
      self.total = total
      self.holders = holders
    }
  }

  /// Opens an account, to which slots can be charged. Its name is small, and zero is never one.
  package func openAccount() -> UInt32 {
    core.withState(draining: false) { state, _ in state.accounts.open() }
  }

  /// Closes an account: nothing more can be charged to it. Slots that are out stay charged to it until they are home, and
  /// nobody else gets its name before.
  package func closeAccount(_ account: UInt32) {
    core.withState(draining: false) { state, _ in state.accounts.close(account) }
  }

  /// What is charged, with every slot counted as home that has come home by now. Takes the arena's lock once.
  package func accountState(_ account: UInt32) -> AccountState {
    core.withState { state, _ in
      AccountState(
        charged: state.accounts.charged(to: account),
        total: state.accounts.total,
        holders: state.accounts.holders
      )
    }
  }

  /// Charges an account for the slot that a view is in, which nobody is charged for. It stays charged until it is home.
  ///
  /// - Parameters:
  ///   - view: a view of this arena; the caller holds it.
  ///   - account: who is charged; an open account.
  /// - Returns: what is charged now.
  package func charge(_ view: DetachedView, to account: UInt32) -> AccountState {
    core.withState(draining: false) { state, _ in
      if state.accounts.isOpen(account), view.slot.account == 0 {
        view.slot.account = account
        state.accounts.charge(account, view.slot.capacity)
      }
      return AccountState(
        charged: state.accounts.charged(to: account),
        total: state.accounts.total,
        holders: state.accounts.holders
      )
    }
  }

  /// How many slots of a size can be had now, with every slot counted as home that has come home by now: those that are
  /// free, and those that there is room for. Takes the arena's lock once.
  package func slotsAvailable(slotBytes: Int) -> Int {
    core.withState { state, _ in
      guard !state.isClosed, let place = state.classes.smallest(for: slotBytes) else { return 0 }
      return state.classes[place].homeCount + max(0, state.room) / state.classes[place].slotBytes
    }
  }

  /// A copy of a reader's bytes in a slot of its own: a reader without an owner, so that the slot goes home with its last
  /// view. `view` stays as it is; the caller still has it.
  ///
  /// The slot is of the smallest class that the bytes fit into, or, when there is none, of the next one. The account is
  /// charged for its whole capacity until it is home. Never waits.
  ///
  /// - Parameters:
  ///   - view: a reader; the caller holds it.
  ///   - account: who is charged; an open account.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Returns: the copy; nil if there is no such slot, or no such account, or the arena is closed.
  package func copy(
    _ view: DetachedView,
    chargedTo account: UInt32,
    file: StaticString = #fileID,
    line: UInt = #line
  ) -> DetachedView? {
    copy(0..<Int(view.count), ofJoined: CollectionOfOne(view), chargedTo: account, file: file, line: line)
  }

  /// The same of several readers: a range of their bytes, one behind the other, in one slot.
  ///
  /// - Parameters:
  ///   - range: which bytes, counted from the first one of the first view. Traps if there are not so many.
  ///   - views: readers; the caller holds them.
  ///   - account: who is charged; an open account.
  ///   - file: who asks, for the diagnostics.
  ///   - line: who asks, for the diagnostics.
  /// - Returns: the copy; nil if there is no such slot, or no such account, or the arena is closed.
  package func copy(
    _ range: Range<Int>,
    ofJoined views: some Collection<DetachedView>,
    chargedTo account: UInt32,
    file: StaticString = #fileID,
    line: UInt = #line
  ) -> DetachedView? {
    let count = range.count
    guard count <= BufferArena.largestBuffer, let slot = core.takeForCopy(count, chargedTo: account) else { return nil }
    // The lock is free by now. Nobody else has seen the slot yet, so that its reader may still write.
    // Sound: the slot has at least `count` bytes and is this function's alone; the caller's readers keep the sources.
    if slot.isSanitized { unsafe slot.unpoison(slot.base, count) }
    var skipped = range.lowerBound
    var copied = 0
    for view in views where copied < count {
      let start = min(skipped, Int(view.count))
      skipped -= start
      let piece = min(count - copied, Int(view.count) - start)
      unsafe (slot.base + copied).copyMemory(from: view.base + start, byteCount: piece)
      copied += piece
    }
    precondition(copied == count, "the views have fewer bytes")
    let token = slot.isTracked ? slot.track(.read, bytes: count, file: file, line: line) : 0
    return unsafe DetachedView(slot: slot, base: slot.base, count: UInt32(truncatingIfNeeded: count), token: token)
  }

  /// How many slots are lent, with every slot counted as home that has come home by now. Takes the arena's lock once, and
  /// visits nothing else.
  package var slotsOut: Int {
    core.withState { state, _ in state.slotsOut }
  }

  /// Whether the view's bytes are this arena's.
  package func owns(_ view: DetachedView) -> Bool {
    // Sound: no address is followed but the header's, which the view keeps.
    // Compares addresses and follows none. The view keeps its home alive, so that no other home can have its address.
    unsafe view.header.pointee.home.toOpaque() == Unmanaged<SlotHome>.passUnretained(core).toOpaque()
  }
}

extension ArenaCore {
  /// A slot for a copy of `bytes`, as a reader without an owner, charged to an account.
  func takeForCopy(_ bytes: Int, chargedTo account: UInt32) -> Slot? {
    withState(draining: false) { state, _ in
      guard state.accounts.isOpen(account) else { return nil }
      var slot = state.takeFree(bytes, for: .copy)
      if slot == nil {
        // Returned slots are fetched only when they are needed, as for an owner.
        drain(&state)
        slot = state.obtainForCopy(bytes, home: self)
      }
      if let slot {
        slot.account = account
        state.accounts.charge(account, slot.capacity)
      }
      return slot
    }
  }
}
