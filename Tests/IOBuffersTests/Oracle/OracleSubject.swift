import IOBuffers

/// This package, behind the operations of the oracle, answering in the oracle's words.
final class OracleSubject {
  private let arena: BufferArena
  private var owner: PooledBuffer?
  private var views: [String: ViewBox] = [:]

  init(_ arena: BufferArena) {
    self.arena = arena
  }

  /// The owner's length, nil without an owner.
  var size: Int? { owner?.count }

  /// Names and lengths of the live views of a mode, in a fixed order.
  func views(_ mode: LockModel.Mode) -> [(name: String, count: Int)] {
    views.filter { $0.value.mode == mode }.map { ($0.key, $0.value.count) }.sorted { $0.name < $1.name }
  }

  /// Gives everything back.
  func clear() {
    owner = nil
    views = [:]
  }

  /// What comes of the operation; nil, and nothing done, where only one of the two sides defines it.
  func perform(_ operation: OracleOperation) throws -> String? {
    do throws(BufferError) {
      guard isComparable(operation) else { return nil }
      if let outcome = try performOnOwner(operation) { return outcome }
      return try performOnViews(operation)
    } catch {
      switch error {
      case .locked: return "locked"
      case .outOfBounds: return "bounds"
      default: return "error \(error)"
      }
    }
  }

  private var hasWriter: Bool { views.values.contains { $0.mode == .writer } }

  /// Where the rules differ, or only one side checks: a second export beside a writer, a change of the size to what it
  /// is, ranges that Python would clip, and what the compiler rules out here.
  private func isComparable(_ operation: OracleOperation) -> Bool {
    func fits(_ range: Range<Int>, _ name: String) -> Bool {
      views[name].map { range.lowerBound >= 0 && range.upperBound <= $0.count } ?? true
    }
    func isMode(_ name: String, _ mode: LockModel.Mode) -> Bool { views[name].map { $0.mode == mode } ?? true }
    let size = size ?? .max
    switch operation {
    case .new, .release, .drop, .size, .count, .bytes: return true
    case .read(_, let range): return !hasWriter && range.lowerBound >= 0 && range.upperBound <= size
    case .write(_, let range): return views.isEmpty && range.lowerBound >= 0 && range.upperBound <= size
    case .finish, .content: return !hasWriter
    case .resize(let count): return count >= 0 && (count != size || views.isEmpty)
    case .append(let bytes): return !bytes.isEmpty || views.isEmpty
    case .appendText(let text): return !text.isEmpty || views.isEmpty
    case .clear: return size != 0 || views.isEmpty
    case .appendInteger: return true
    case .share(_, let source): return isMode(source, .reader)
    case .slice(_, let source, let range): return isMode(source, .reader) && fits(range, source)
    case .split(_, let source, let offset): return offset >= 0 && fits(offset..<offset, source)
    case .narrow(let name, let range): return isMode(name, .reader) && fits(range, name)
    case .freeze(let name), .store(let name, _, _): return isMode(name, .writer)
    case .byte(let name, let offset): return isMode(name, .reader) && offset >= 0
    case .index(let name, _, let start): return isMode(name, .reader) && start >= 0
    case .load(let name, _, _), .find(let name, _), .starts(let name, _), .text(let name):
      return isMode(name, .reader)
    case .equal(let name, let other):
      return isMode(name, .reader) && isMode(other, .reader) && (name != other)
        && (views[name] != nil || views[other] != nil)
    }
  }

  /// Nil for operations on views.
  private func performOnOwner(_ operation: OracleOperation) throws(BufferError) -> String? {
    switch operation {
    case .new(let bytes):
      clear()
      var buffer = try arena.allocate(minimumCapacity: bytes.count)
      try buffer.append(contentsOf: bytes)
      owner = consume buffer
      return "ok"
    case .drop:
      return owner.take() == nil ? "none" : "ok"
    case .finish(let name):
      guard let buffer = owner.take() else { return "none" }
      views[name] = ViewBox(try buffer.finish())
      return "ok"
    case .read, .write, .resize, .append, .appendInteger, .appendText, .clear, .size, .content:
      return try owner.modify { (buffer) throws(BufferError) in try self.perform(operation, on: &buffer) } ?? "none"
    default:
      return nil
    }
  }

  private func perform(_ operation: OracleOperation, on buffer: inout PooledBuffer) throws(BufferError) -> String {
    switch operation {
    case .read(let name, let range): views[name] = ViewBox(try buffer.readView(of: range))
    case .write(let name, let range): views[name] = ViewBox(try buffer.writeView(of: range))
    case .resize(let count): try buffer.resize(to: count)
    case .append(let bytes):
      // The ways to append take turns.
      if bytes.count.isMultiple(of: 2) {
        try unsafe buffer.append(bytes.span.bytes)
      } else {
        try buffer.append(contentsOf: bytes)
      }
    case .appendInteger(let integer): try integer.append(to: &buffer)
    case .appendText(let text): try buffer.append(utf8: text)
    case .clear: try buffer.removeAll()
    case .size: return "ok \(buffer.count)"
    default:
      let view = try buffer.readView()
      return "ok \(hexDigits(view.array()))"
    }
    return "ok"
  }

  private func performOnViews(_ operation: OracleOperation) throws(BufferError) -> String? {
    switch operation {
    case .share(let name, let source): return try add(name, views[source]?.share())
    case .slice(let name, let source, let range): return try add(name, views[source]?.slice(range))
    case .split(let name, let source, let offset): return try add(name, views[source]?.split(at: offset))
    case .freeze(let name): return views[name].map { $0.freeze() ? "ok" : "error no writer" } ?? "none"
    case .release(let name):
      guard let view = views.removeValue(forKey: name) else { return "none" }
      view.release()
      return "ok"
    case .count(let name): return views[name].map { "ok \($0.count)" } ?? "none"
    case .bytes(let name): return views[name].map { "ok \(hexDigits($0.array()))" } ?? "none"
    case .store(let name, let offset, let integer):
      return try views[name]?.withWriter { (view) throws(BufferError) in
        try integer.store(in: &view, at: offset)
        return "ok"
      } ?? "none"
    case .equal(let name, let other):
      guard let view = views[name], let other = views[other] else { return "none" }
      let equal = try view.withReader { (view) throws(BufferError) in
        try other.withReader { (other) throws(BufferError) in view.elementsEqual(other) }
      }
      return "ok \(equal == true ? "True" : "False")"
    case .narrow(let name, _), .load(let name, _, _), .byte(let name, _), .find(let name, _), .index(let name, _, _),
      .starts(let name, _), .text(let name):
      return try views[name]?.withReader { (view) throws(BufferError) in
        try Self.perform(operation, on: &view)
      } ?? "none"
    default:
      return "error not an operation on views"
    }
  }

  private static func perform(_ operation: OracleOperation, on view: inout ReadView) throws(BufferError) -> String {
    switch operation {
    case .narrow(_, let range):
      if range.upperBound == view.count { try view.removePrefix(range.lowerBound) } else { try view.narrow(to: range) }
      return "ok"
    case .load(_, let offset, let integer): return "ok \(try integer.load(from: view, at: offset))"
    case .byte(_, let offset): return "ok \(try offset < view.count ? view[offset] : view.load(at: offset))"
    case .find(_, let needle): return "ok \(view.firstRange(of: needle)?.lowerBound ?? -1)"
    case .index(_, let byte, let start): return "ok \(view.firstIndex(of: byte, from: start) ?? -1)"
    case .starts(_, let prefix): return "ok \(view.starts(with: prefix) ? "True" : "False")"
    case .text: return view.text().map { "ok \(hexDigits(Array($0.utf8)))" } ?? "invalid"
    default: return "error not an operation on readers"
    }
  }

  private func add(_ name: String, _ view: ViewBox?) -> String {
    guard let view else { return "none" }
    views[name] = view
    return "ok"
  }
}
