/// The views on record. A view's token is its place in here, plus one; zero says that a view is not recorded.
package final class HolderTable: Sendable {
  private struct Record: Sendable {
    var slot: Slot
    var mode: Holder.Mode
    var file: StaticString
    var line: UInt
    var bytes: Int
    var since: ContinuousClock.Instant
  }

  private struct State: Sendable {
    var records: [Record?] = []
    var vacant: [UInt32] = []
    var unrecorded = 0
  }

  private let every: Int
  private let state = Guarded(State())

  /// - Parameter every: 1 records each view, n each nth.
  init(every: Int) {
    self.every = max(1, every)
  }

  /// Records a view, or decides not to (then the token is zero).
  func add(
    _ slot: Slot,
    _ mode: Holder.Mode,
    bytes: Int,
    file: StaticString,
    line: UInt
  ) -> UInt32 {
    state.withLock { state in
      state.unrecorded += 1
      guard state.unrecorded >= every else { return 0 }
      state.unrecorded = 0
      let record = Record(slot: slot, mode: mode, file: file, line: line, bytes: bytes, since: .now)
      if let place = state.vacant.popLast() {
        state.records[Int(place)] = record
        return place + 1
      }
      state.records.append(record)
      return UInt32(truncatingIfNeeded: state.records.count)
    }
  }

  /// The view is released.
  func remove(_ token: UInt32) {
    state.withLock { state in
      state.records[Int(token) - 1] = nil
      state.vacant.append(token - 1)
    }
  }

  /// The view became a reader. With `restart` its age counts from now: the kernel held it until now, a person does next.
  func freeze(_ token: UInt32, bytes: Int, restart: Bool) {
    state.withLock { state in
      state.records[Int(token) - 1]?.mode = .read
      state.records[Int(token) - 1]?.bytes = bytes
      if restart { state.records[Int(token) - 1]?.since = .now }
    }
  }

  /// The view covers so many bytes from now on.
  func resize(_ token: UInt32, bytes: Int) {
    state.withLock { state in state.records[Int(token) - 1]?.bytes = bytes }
  }

  /// The recorded views of one slot (or of all), at least as old as asked for, oldest first.
  func holders(of slot: Slot? = nil, olderThan age: Duration = .zero) -> [Holder] {
    let now = ContinuousClock.now
    let records = state.withLock { state in
      state.records.compactMap { record -> Record? in
        guard let record, now - record.since >= age else { return nil }
        // Sound: compares addresses, follows none.
        if let slot, unsafe record.slot.header != slot.header { return nil }
        return record
      }
    }
    return records.sorted { $0.since < $1.since }.map { record in
      Holder(
        mode: record.mode,
        file: record.file.description,
        line: record.line,
        age: now - record.since,
        bytes: record.bytes
      )
    }
  }
}
