import IOBuffers

/// The real thing, behind the operations of `LockModel`: an owner and its views, newest last.
class Subject<Owner: BufferExporter & ~Copyable> {
  var owner: Owner?
  private(set) var views: [ViewBox] = []
  /// What the last refusal said, nil when nothing was refused.
  private(set) var lastReport: LockReport?

  init(_ owner: consuming Owner) {
    self.owner = consume owner
  }

  /// What happened, in the words of the model. `length` is the owner's count before, `stamp` the byte to write.
  func perform(_ operation: LockModel.Operation, length: Int, stamp: UInt8) throws -> LockModel.Outcome {
    lastReport = nil
    do {
      return try perform(operation, length, stamp) ? .done : .locked(readers: -1, writers: -1)
    } catch BufferError.locked(let report) {
      lastReport = report
      return .locked(readers: report.readers, writers: report.writers)
    }
  }

  func releaseAll(newestFirst: Bool) {
    while !views.isEmpty {
      release(newestFirst ? views.count - 1 : 0)
    }
  }

  /// The operations that need more than a `BufferExporter`. False when the owner has no such operation.
  func performOnOwner(_ operation: LockModel.Operation, _ length: Int, _ stamp: UInt8) throws(BufferError) -> Bool {
    false
  }

  func add(_ view: consuming ReadView) {
    views.append(ViewBox(view))
  }

  /// False when there is nothing to work on, which the model must have seen coming.
  private func perform(
    _ operation: LockModel.Operation,
    _ length: Int,
    _ stamp: UInt8
  ) throws(BufferError) -> Bool {
    switch operation {
    case .readAll: return try add { (owner) throws(BufferError) in ViewBox(try owner.readView()) }
    case .readFront: return try add { (owner) throws(BufferError) in ViewBox(try owner.readView(of: 0..<length / 2)) }
    case .writeAll: return try add { (owner) throws(BufferError) in ViewBox(try owner.writeView()) }
    case .writeBack:
      return try add { (owner) throws(BufferError) in ViewBox(try owner.writeView(of: length / 2..<length)) }
    case .shareNewest: return add(try views.last?.share())
    case .sliceNewest:
      guard let view = views.last else { return false }
      return add(try view.slice(view.count / 2..<view.count))
    case .splitNewest:
      guard let view = views.last else { return false }
      return add(try view.split(at: view.count / 2))
    case .freezeNewest: return views.last?.freeze() ?? false
    case .storeNewest: return try views.last?.store(stamp, at: 0) ?? false
    case .releaseNewest: return release(views.count - 1)
    case .releaseOldest: return release(0)
    case .dropOwner:
      guard owner != nil else { return false }
      owner = nil
      return true
    case .grow, .shrink, .append, .finish: return try performOnOwner(operation, length, stamp)
    }
  }

  private func add(_ export: (inout Owner) throws(BufferError) -> ViewBox) throws(BufferError) -> Bool {
    add(try owner.modify(export))
  }

  private func add(_ view: ViewBox?) -> Bool {
    guard let view else { return false }
    views.append(view)
    return true
  }

  /// By `release()` and by `deinit` in turns.
  @discardableResult
  private func release(_ index: Int) -> Bool {
    guard views.indices.contains(index) else { return false }
    let view = views.remove(at: index)
    if views.count.isMultiple(of: 2) { view.release() }
    return true
  }
}

/// A pooled buffer can do everything that the model can.
final class PooledSubject: Subject<PooledBuffer> {
  override func performOnOwner(
    _ operation: LockModel.Operation,
    _ length: Int,
    _ stamp: UInt8
  ) throws(BufferError) -> Bool {
    if operation == .finish {
      guard let buffer = owner.take() else { return false }
      add(try buffer.finish())
      return true
    }
    return try owner.modify { (buffer) throws(BufferError) in
      switch operation {
      case .grow: try buffer.resize(to: length + 2)
      case .shrink: try buffer.resize(to: length - min(length, 3))
      case .append: try buffer.append(stamp)
      default: return false
      }
      return true
    } ?? false
  }
}
