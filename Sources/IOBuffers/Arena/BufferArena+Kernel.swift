/// Lending to the kernel.
extension BufferArena {
  /// The most bytes that a kernel's writer covers. Each completion adds a reader, which cannot be refused, and has a byte
  /// at least: so not even half of the readers that a lock word can count ever come together.
  package static var largestPosted: Int { 1 << 27 }

  /// Takes up to `out.count` slots of at least `slotBytes`, each as a writer of the whole slot (of ``largestPosted`` bytes
  /// at most) without an owner: it goes home with its last view. Under the address sanitizer the bytes are poisoned until
  /// a completion reports them.
  ///
  /// Takes the arena's lock once. Larger slots serve only if not even one of the size can be had. Whoever was called by
  /// ``whenAvailable(slotBytes:_:)`` must call this once, if only with an empty `out`: slots are kept for it until then.
  ///
  /// - Parameters:
  ///   - slotBytes: the least size of a slot.
  ///   - mayGrow: whether to map segments; without it, only what is mapped and free is taken.
  ///   - out: receives the writers.
  /// - Returns: how many were taken; 0 if the arena is dry or closed.
  package func takeForKernel(
    slotBytes: Int,
    mayGrow: Bool = true,
    into out: UnsafeMutableBufferPointer<DetachedView>
  ) -> Int {
    // Sound: `out` is the caller's word.
    unsafe core.takeForKernel(slotBytes: slotBytes, mayGrow: mayGrow, into: out)
  }

  /// Calls `body` once, on any thread, as soon as a slot of at least `slotBytes` can be had (perhaps at once, before this
  /// returns), in the same first-in-first-out queue as those who wait for buffers. The slot is kept until the next
  /// ``takeForKernel(slotBytes:mayGrow:into:)``: it is mapped, so that the system cannot refuse it then. On a closed arena
  /// `body` is dropped without a call.
  ///
  /// - Parameters:
  ///   - slotBytes: the least size of the slot.
  ///   - body: what to call; runs without the arena's lock.
  /// - Returns: false, and `body` is dropped, if the arena can never have such a slot
  ///   (``requirePossible(slotBytes:)`` says why).
  @discardableResult
  package func whenAvailable(slotBytes: Int, _ body: @escaping @Sendable () -> Void) -> Bool {
    guard slotBytes <= min(core.configuration.largestLoan, Self.largestPosted) else { return false }
    core.whenAvailable(slotBytes, body)
    return true
  }
}

extension ArenaCore {
  func takeForKernel(
    slotBytes: Int,
    mayGrow: Bool,
    into out: UnsafeMutableBufferPointer<DetachedView>
  ) -> Int {
    withState { state, _ in
      guard !state.isClosed, !state.process.isForked, slotBytes <= BufferArena.largestPosted else {
        return 0
      }
      var taken = 0
      while taken < out.count {
        let slot = state.takeForKernel(slotBytes, mayGrow: mayGrow, mayBeLarger: taken == 0, home: self)
        guard let slot else { break }
        let bytes = min(slot.capacity, BufferArena.largestPosted)
        // Sound: the view is the one writer of the slot that was lent for it; `taken` is below the count of `out`.
        let view = unsafe DetachedView(
          slot: slot,
          base: slot.base,
          count: UInt32(truncatingIfNeeded: bytes),
          token: slot.isTracked ? slot.track(.write, bytes: bytes, file: "kernel", line: 0) : 0
        )
        unsafe out.initializeElement(at: taken, to: view)
        taken += 1
      }
      // The kernel has come: what it did not take is everybody's again.
      state.forgetPromises()
      return taken
    }
  }

  func whenAvailable(_ bytes: Int, _ body: @escaping @Sendable () -> Void) {
    withState { state, wakeups in
      guard !state.isClosed else { return }
      if state.queue.isEmpty, state.promise(bytes, home: self) {
        wakeups.append(.notice(body))
        return
      }
      let waiter = ArenaWaiter(bytes: bytes)
      waiter.purpose = .notice(body)
      state.enqueue(waiter)
    }
  }
}
