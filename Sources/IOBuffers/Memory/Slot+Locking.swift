public import Synchronization

/// The lock protocol. Every operation is one atomic read-modify-write in the common case, and none allocates.
///
/// Ordering: taking a lock acquires and giving one back releases, so whatever a writer stored is visible to everybody
/// who is admitted after it. Locks that are added by somebody who already holds one need no ordering of their own.
extension Slot {
  // Sound: as all of `Slot`: the caller holds the slot, and the lock word is atomic. Each function says who may call
  // it.
  /// The lock word as it was at some moment.
  @inlinable
  package var lockWord: LockWord {
    unsafe LockWord(header.pointee.lock.load(ordering: .acquiring))
  }

  /// Sets the lock word of a slot that nobody else can see.
  func setLockWord(_ rawValue: UInt64) {
    unsafe header.pointee.lock.store(rawValue, ordering: .relaxed)
  }

  /// A new reader, from the owner. False if a writer is out, or there are too many readers.
  @inlinable
  package func lendReader() -> Bool {
    var word = unsafe header.pointee.lock.load(ordering: .relaxed)
    while LockWord(word).admitsReader {
      let result = unsafe header.pointee.lock.weakCompareExchange(
        expected: word,
        desired: word &+ LockWord.oneReader,
        successOrdering: .acquiring,
        failureOrdering: .relaxed
      )
      if result.exchanged { return true }
      word = result.original
    }
    return false
  }

  /// A new writer, from the owner. False if any view is out.
  @inlinable
  package func lendWriter() -> Bool {
    var word = unsafe header.pointee.lock.load(ordering: .relaxed)
    while LockWord(word).admitsWriter {
      let result = unsafe header.pointee.lock.weakCompareExchange(
        expected: word,
        desired: word &+ LockWord.oneWriter,
        successOrdering: .acquiring,
        failureOrdering: .relaxed
      )
      if result.exchanged { return true }
      word = result.original
    }
    return false
  }

  /// One more reader, from somebody who holds a view. False if there are too many.
  @inlinable
  package func addReader() -> Bool {
    let word = unsafe header.pointee.lock.wrappingAdd(LockWord.oneReader, ordering: .relaxed).oldValue
    if LockWord(word).readers < LockWord.viewLimit { return true }
    unsafe header.pointee.lock.wrappingSubtract(LockWord.oneReader, ordering: .relaxed)
    return false
  }

  /// One more reader, of bytes that the kernel has filled. Cannot be refused: the bytes are there. Every such reader has
  /// bytes of its own, and the kernel's writer never has as many as the field can count, see
  /// ``BufferArena/largestPosted``.
  @inlinable
  package func addFilledReader() {
    unsafe header.pointee.lock.wrappingAdd(LockWord.oneReader, ordering: .releasing)
  }

  /// One more writer, from somebody who holds a writer. False if there are too many.
  @inlinable
  package func addWriter() -> Bool {
    let word = unsafe header.pointee.lock.wrappingAdd(LockWord.oneWriter, ordering: .relaxed).oldValue
    if LockWord(word).writers < LockWord.viewLimit { return true }
    unsafe header.pointee.lock.wrappingSubtract(LockWord.oneWriter, ordering: .relaxed)
    return false
  }

  /// Turns one writer into one reader. What it wrote becomes visible to every later holder.
  @inlinable
  package func freezeWriter() {
    unsafe header.pointee.lock.wrappingAdd(LockWord.oneReader &- LockWord.oneWriter, ordering: .releasing)
  }

  /// Gives one reader back.
  @inlinable
  package func releaseReader() {
    let word = unsafe header.pointee.lock.wrappingSubtract(LockWord.oneReader, ordering: .acquiringAndReleasing)
      .newValue
    if LockWord(word).needsAttention { viewsAreGone(LockWord(word)) }
  }

  /// Gives one writer back.
  @inlinable
  package func releaseWriter() {
    let word = unsafe header.pointee.lock.wrappingSubtract(LockWord.oneWriter, ordering: .acquiringAndReleasing)
      .newValue
    if LockWord(word).needsAttention { viewsAreGone(LockWord(word)) }
  }

  /// The owner is gone. The slot goes home, now or with its last view.
  @inlinable
  package func releaseOwner() {
    let word = unsafe header.pointee.lock.wrappingSubtract(LockWord.owner, ordering: .acquiringAndReleasing).newValue
    if LockWord(word).needsAttention { viewsAreGone(LockWord(word)) }
  }

  /// The owner becomes a reader. False, and nothing changed, if a writer is out or there are too many readers.
  @inlinable
  package func turnOwnerIntoReader() -> Bool {
    var word = unsafe header.pointee.lock.load(ordering: .relaxed)
    while LockWord(word).admitsReader {
      let result = unsafe header.pointee.lock.weakCompareExchange(
        expected: word,
        desired: word &+ LockWord.oneReader &- LockWord.owner,
        successOrdering: .acquiringAndReleasing,
        failureOrdering: .relaxed
      )
      if result.exchanged { return true }
      word = result.original
    }
    return false
  }

  /// The last view is gone, and there is no owner (the slot goes home) or the owner waits for this moment.
  ///
  /// In both cases exactly one thread gets here, and the slot, its header and its home stay valid until that thread
  /// has handed over: nobody else may reuse a slot that is on its way home, or resume its owner.
  @inline(never)
  @usableFromInline
  func viewsAreGone(_ word: LockWord) {
    if !word.hasOwner {
      // Borrows the home instead of retaining it: that would be two atomic operations on a line that all threads share.
      let isHome = unsafe header.pointee.home._withUnsafeGuaranteedRef { $0.reclaim(self) }
      if isHome { return }
    }
    viewsAreGoneSlowly(word)
  }

  /// The same with a reference to the home, which may otherwise go before this returns.
  @inline(never)
  private func viewsAreGoneSlowly(_ word: LockWord) {
    let home = home
    if word.hasOwner {
      home.unlocked(self)
    } else {
      home.reclaimSlowly(self)
    }
  }
}
