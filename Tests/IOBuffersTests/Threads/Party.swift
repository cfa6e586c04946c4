import IOBuffers

/// One of the two threads: its views, and perhaps an owner that only it has. Performs `RaceModel`'s operations.
final class Party {
  private let presence: Presence
  private let other: Presence
  private let log: FailureLog
  private let name: () -> String
  private var shared: SharedOwner?
  private var owned: PooledBuffer?
  private var views: [ViewBox] = []
  private var stamp: UInt8
  /// What happened so far, one digit of base 3 for each operation.
  private(set) var digits = 0

  init(_ number: UInt8, _ presence: Presence, other: Presence, log: FailureLog, name: @escaping () -> String) {
    self.presence = presence
    self.other = other
    self.log = log
    self.name = name
    stamp = number &* 128
  }

  func borrow(_ owner: SharedOwner) {
    shared = owner
  }

  func own(_ owner: consuming PooledBuffer) {
    owned = consume owner
  }

  func hold(_ view: ViewBox) {
    views.append(view)
    if let mode = view.mode { presence.enter(mode) }
  }

  func perform(_ operations: [RaceModel.Operation]) {
    for operation in operations {
      let outcome: RaceModel.Outcome
      do throws(BufferError) {
        outcome = try perform(operation) ? .done : .nothing
      } catch {
        if case .locked = error {
          outcome = .locked
        } else {
          return log.record("\(name()): \(error)")
        }
      }
      digits = digits * 3 + outcome.rawValue
    }
  }

  /// Drops everything: the end of a round.
  func leave() {
    while release() {}
    shared = nil
    owned = nil
  }

  private func perform(_ operation: RaceModel.Operation) throws(BufferError) -> Bool {
    switch operation {
    case .read:
      guard let view = try lendReader() else { return false }
      enter(view)
      if other.isWriting { log.record("\(name()): a reader beside a writer") }
    case .write:
      guard let view = try lendWriter() else { return false }
      enter(view)
      if other.isWriting || other.isReading { log.record("\(name()): a writer beside another view") }
      scribble()
    case .resize:
      let done = try owned.modify { (buffer) throws(BufferError) in
        try buffer.resize(to: buffer.count + 1)
        if self.other.isWriting || self.other.isReading { self.log.record("\(self.name()): resized under a view") }
        return true
      }
      return done ?? false
    case .drop: return owned.take() != nil
    case .share:
      guard let view = try views.last?.share() else { return false }
      enter(view)
    case .split:
      guard let last = views.last, let view = try last.split(at: last.count / 2) else { return false }
      enter(view)
      if view.mode == .writer { scribble() }
    case .freeze:
      guard views.last?.mode == .writer else { return false }
      presence.leave(.writer)
      guard views.last?.freeze() == true else { return false }
      presence.enter(.reader)
      readTwice()
    case .release: return release()
    }
    return true
  }

  private func lendReader() throws(BufferError) -> ViewBox? {
    if let shared { return try ViewBox(shared.buffer.readView()) }
    return try owned.modify { (buffer) throws(BufferError) in ViewBox(try buffer.readView()) }
  }

  private func lendWriter() throws(BufferError) -> ViewBox? {
    if let shared { return try ViewBox(shared.buffer.writeView()) }
    return try owned.modify { (buffer) throws(BufferError) in ViewBox(try buffer.writeView()) }
  }

  private func enter(_ view: ViewBox) {
    hold(view)
    if view.mode == .reader { readTwice() }
  }

  private func release() -> Bool {
    guard let view = views.popLast(), let mode = view.mode else { return false }
    if mode == .reader { readTwice(view) }
    presence.leave(mode)
    view.release()
    return true
  }

  /// Nobody writes while we read. Under the thread sanitizer these plain accesses also prove the memory ordering.
  private func readTwice(_ view: ViewBox? = nil) {
    guard let view = view ?? views.last else { return }
    let before = view.withBytes(PlainAccess.read)
    if view.withBytes(PlainAccess.read) != before { log.record("\(name()): the bytes changed under a reader") }
  }

  /// Nobody else writes while we write.
  private func scribble() {
    guard let view = views.last else { return }
    stamp = stamp & 128 | (stamp &+ 1) & 127
    guard view.fill(stamp), let bytes = view.withBytes(PlainAccess.read) else {
      return log.record("\(name()): cannot write")
    }
    if bytes.contains(where: { $0 != stamp }) { log.record("\(name()): somebody else wrote") }
  }
}
