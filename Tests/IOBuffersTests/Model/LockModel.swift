/// The rule that this package adds to Python's: many readers or one writer. Written a second time, as plainly as possible.
///
/// It knows readers, writers, the owner and the bytes; nothing of slots, words or threads.
struct LockModel: Hashable {
  enum Mode: Hashable {
    case reader
    case writer
  }

  struct View: Hashable {
    var mode: Mode
    var range: Range<Int>
  }

  enum Operation: UInt8, CaseIterable {
    case readAll, readFront, writeAll, writeBack
    case shareNewest, sliceNewest, splitNewest, freezeNewest, storeNewest
    case releaseNewest, releaseOldest
    case grow, shrink, append, finish, dropOwner
  }

  enum Outcome: Hashable {
    case done
    case locked(readers: Int, writers: Int)
  }

  var hasOwner = true
  var bytes: [UInt8]
  var views: [View] = []
  private var stamp: UInt8 = 200

  init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  var readers: Int { views.count { $0.mode == .reader } }
  var writers: Int { views.count { $0.mode == .writer } }
  var isHome: Bool { !hasOwner && views.isEmpty }

  /// The bytes that `operation` writes.
  var nextStamp: UInt8 { stamp }

  /// What must happen, and the state after it. Nil when the operation has nothing to work on.
  mutating func apply(_ operation: Operation) -> Outcome? {
    let refused = Outcome.locked(readers: readers, writers: writers)
    switch operation {
    case .readAll, .readFront:
      guard hasOwner else { return nil }
      if writers > 0 { return refused }
      views.append(View(mode: .reader, range: operation == .readAll ? 0..<bytes.count : 0..<bytes.count / 2))
    case .writeAll, .writeBack:
      guard hasOwner else { return nil }
      if !views.isEmpty { return refused }
      let start = operation == .writeAll ? 0 : bytes.count / 2
      views.append(View(mode: .writer, range: start..<bytes.count))
    case .shareNewest:
      guard let view = views.last, view.mode == .reader else { return nil }
      views.append(view)
    case .sliceNewest:
      guard let view = views.last, view.mode == .reader else { return nil }
      views.append(View(mode: .reader, range: middle(view.range)..<view.range.upperBound))
    case .splitNewest:
      guard let view = views.popLast() else { return nil }
      views.append(View(mode: view.mode, range: view.range.lowerBound..<middle(view.range)))
      views.append(View(mode: view.mode, range: middle(view.range)..<view.range.upperBound))
    case .freezeNewest:
      guard let view = views.last, view.mode == .writer else { return nil }
      views[views.count - 1].mode = .reader
    case .storeNewest:
      guard let view = views.last, view.mode == .writer, !view.range.isEmpty else { return nil }
      bytes[view.range.lowerBound] = stamp
      stamp &+= 1
    case .releaseNewest:
      if views.popLast() == nil { return nil }
    case .releaseOldest:
      // With one view it would repeat `releaseNewest`.
      if views.count < 2 { return nil }
      views.removeFirst()
    case .grow, .shrink, .append:
      guard hasOwner else { return nil }
      if !views.isEmpty { return refused }
      switch operation {
      case .grow: bytes += [0, 0]
      case .shrink: bytes.removeLast(min(bytes.count, 3))
      default:
        bytes.append(stamp)
        stamp &+= 1
      }
    case .finish:
      guard hasOwner else { return nil }
      hasOwner = false
      if writers > 0 { return refused }
      views.append(View(mode: .reader, range: 0..<bytes.count))
    case .dropOwner:
      guard hasOwner else { return nil }
      hasOwner = false
    }
    return .done
  }

  func bytes(of view: View) -> ArraySlice<UInt8> { bytes[view.range] }

  private func middle(_ range: Range<Int>) -> Int { range.lowerBound + range.count / 2 }
}
