/// The bridge from the lock protocol to the records. None of it runs while tracking is off.
extension Slot {
  /// Records a view that was just taken. Zero when it is not recorded.
  @inline(never)
  @usableFromInline
  func track(_ mode: Holder.Mode, bytes: Int, file: StaticString, line: UInt) -> UInt32 {
    home.holders?.add(self, mode, bytes: bytes, file: file, line: line) ?? 0
  }

  /// Forgets a recorded view. Comes before the lock is given back: after that the table may be gone.
  @inline(never)
  @usableFromInline
  func untrack(_ token: UInt32) {
    home.holders?.remove(token)
  }

  /// A recorded writer became a reader.
  @inline(never)
  @usableFromInline
  func retrack(_ token: UInt32, bytes: Int, restart: Bool = false) {
    home.holders?.freeze(token, bytes: bytes, restart: restart)
  }

  /// A recorded view covers more or fewer bytes than before.
  @inline(never)
  @usableFromInline
  func noteSize(_ token: UInt32, bytes: Int) {
    home.holders?.resize(token, bytes: bytes)
  }

  /// Why the owner could not lend a view of this mode a moment ago.
  @inline(never)
  @usableFromInline
  func refusal(of mode: Holder.Mode) -> BufferError {
    let word = lockWord
    // The refusing reader count may be gone by now; a refusal for too many readers can only be told by the word.
    if mode == .read, word.writers == 0, word.readers >= LockWord.viewLimit { return .tooManyViews }
    return .locked(
      LockReport(
        readers: Int(word.readers),
        writers: Int(word.writers),
        holders: home.holders?.holders(of: self) ?? []
      )
    )
  }
}
