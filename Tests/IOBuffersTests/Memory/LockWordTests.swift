import IOBuffers
import Synchronization
import Testing

/// The word in which all facts about a slot's locks are.
@Suite("The lock word")
struct LockWordTests {
  @Test("the fields do not overlap and fill the views' part of the word")
  func fields() {
    let parts = [LockWord.readersMask, LockWord.writersMask, LockWord.owner, LockWord.waiter]
    for (number, part) in parts.enumerated() {
      for other in parts[(number + 1)...] { #expect(part & other == 0) }
    }
    #expect(LockWord.readersMask | LockWord.writersMask == LockWord.viewsMask)
    #expect(LockWord.oneReader & LockWord.readersMask == LockWord.oneReader)
    #expect(LockWord.oneWriter & LockWord.writersMask == LockWord.oneWriter)
    #expect(LockWord.readersMask / LockWord.oneReader > 2 * LockWord.viewLimit)
    #expect(LockWord.writersMask / LockWord.oneWriter > 2 * LockWord.viewLimit)
  }

  @Test("every combination of few readers, few writers, owner and waiter")
  func predicates() {
    for readers in [0, 1, 2, LockWord.viewLimit - 1, LockWord.viewLimit, LockWord.viewLimit + 1] as [UInt64] {
      for writers in [0, 1, 2, LockWord.viewLimit] as [UInt64] {
        for flags in [0, LockWord.owner, LockWord.waiter, LockWord.owner | LockWord.waiter] {
          let word = LockWord(readers * LockWord.oneReader | writers * LockWord.oneWriter | flags)
          #expect(word.readers == readers)
          #expect(word.writers == writers)
          #expect(word.hasOwner == (flags & LockWord.owner != 0))
          #expect(word.hasWaiter == (flags & LockWord.waiter != 0))
          #expect(word.isUnlocked == (readers == 0 && writers == 0))
          #expect(word.admitsWriter == (readers == 0 && writers == 0))
          #expect(word.admitsReader == (writers == 0 && readers < LockWord.viewLimit))
          let isQuiet = flags == LockWord.owner
          #expect(word.needsAttention == (readers == 0 && writers == 0 && !isQuiet))
        }
      }
    }
  }

  @Test("too many readers: an error, and the word is as before")
  func tooManyReaders() throws {
    let arena = try BufferArena(.small())
    let buffer = try arena.buffer(pattern(10))
    var view = try buffer.readView()
    let probe = try view.share().detach()
    let slot = probe.slot
    probe.releaseReader()
    slot.pretend(readers: LockWord.viewLimit, writers: 0)
    let before = slot.lockWord
    #expect(failure { try view.share() } == .tooManyViews)
    #expect(failure { try view.slice(0..<1) } == .tooManyViews)
    #expect(failure { try view.split(at: 5) } == .tooManyViews)
    #expect(view.count == 10)
    #expect(failure { try buffer.readView() } == .tooManyViews)
    #expect(probe.shareReader() == nil)
    #expect(slot.lockWord == before)
    let place = Locker(buffer)
    #expect(failure { try place.take()?.finish() } == .tooManyViews)
    #expect(!slot.lockWord.hasOwner)
    slot.pretend(readers: LockWord.viewLimit - 1, writers: 0)
    let last = try view.share()
    #expect(failure { try view.share() } == .tooManyViews)
    last.release()
    slot.pretend(readers: 1, writers: 0)
    view.release()
    #expect(arena.statistics.slotsOut == 0)
  }

  @Test("too many writers: an error, and the word is as before")
  func tooManyWriters() throws {
    let arena = try BufferArena(.small())
    let buffer = try arena.buffer(pattern(10))
    let detached = try buffer.writeView().detach()
    let slot = detached.slot
    var writer = WriteView(detached)
    slot.pretend(readers: 0, writers: LockWord.viewLimit)
    let before = slot.lockWord
    #expect(failure { try writer.split(at: 5) } == .tooManyViews)
    #expect(writer.count == 10)
    #expect(slot.lockWord == before)
    // Freezing cannot fail: there is room for as many readers again.
    slot.pretend(readers: LockWord.viewLimit, writers: 1)
    let frozen = writer.freeze()
    #expect(slot.lockWord.readers == LockWord.viewLimit + 1)
    #expect(slot.lockWord.writers == 0)
    slot.pretend(readers: 1, writers: 0)
    frozen.release()
    #expect(failure { try buffer.writeView() } == nil)
  }
}

extension Slot {
  /// Sets the counts, as if so many views had been taken. The owner's bit stays as it is.
  fileprivate func pretend(readers: UInt64, writers: UInt64) {
    let flags = lockWord.rawValue & ~LockWord.viewsMask
    unsafe header.pointee.lock.store(
      flags | readers * LockWord.oneReader | writers * LockWord.oneWriter,
      ordering: .sequentiallyConsistent
    )
  }
}
