/// The handlers of one loop's connections, by the connections' indexes. Loop thread only.
///
/// Plain memory behind one constant pointer, because this is generic code that is not specialized for its handler, and it
/// runs once per message: a stored variable would be checked for exclusive access each time, and an optional or a
/// generic collection would look up type metadata.
@safe
final class HandlerTable<Handler: ~Copyable> {
  @safe
  private struct Storage {
    var handlers: UnsafeMutablePointer<Handler>
    var isLive: UnsafeMutablePointer<Bool>
    var capacity: Int
  }

  // All of it is reached through `capacity` and `isLive`: memory below the one is there, handlers marked by the other are
  // initialized. It moves in `grow` only, while no handler runs.
  private let storage: UnsafeMutablePointer<Storage>

  private var capacity: Int { unsafe storage.pointee.capacity }

  init() {
    unsafe storage = .allocate(capacity: 1)
    unsafe storage.initialize(to: HandlerTable.makeStorage(16))
  }

  deinit {
    for index in 0..<capacity {
      guard unsafe storage.pointee.isLive[index] else { continue }
      unsafe (storage.pointee.handlers + index).deinitialize(count: 1)
    }
    free()
    unsafe storage.deallocate()
  }

  private static func makeStorage(_ capacity: Int) -> Storage {
    let isLive = UnsafeMutablePointer<Bool>.allocate(capacity: capacity)
    unsafe isLive.initialize(repeating: false, count: capacity)
    return unsafe Storage(handlers: .allocate(capacity: capacity), isLive: isLive, capacity: capacity)
  }

  private func free() {
    unsafe storage.pointee.handlers.deallocate()
    unsafe storage.pointee.isLive.deallocate()
  }

  /// Puts a handler at a free index. Must not be called while a handler runs: it may move them.
  func insert(_ handler: consuming Handler, at index: Int) {
    if index >= capacity { grow(to: index + 1) }
    unsafe (storage.pointee.handlers + index).initialize(to: handler)
    unsafe storage.pointee.isLive[index] = true
  }

  /// Takes the handler out; nil when there is none.
  func remove(at index: Int) -> Handler? {
    guard index < capacity, unsafe storage.pointee.isLive[index] else { return nil }
    unsafe storage.pointee.isLive[index] = false
    return unsafe (storage.pointee.handlers + index).move()
  }

  /// The handler at `index`, in place. There must be one.
  subscript(index: Int) -> Handler {
    unsafeAddress {
      unsafe UnsafePointer(address(of: index))
    }
    unsafeMutableAddress {
      unsafe address(of: index)
    }
  }

  @inline(__always)
  private func address(of index: Int) -> UnsafeMutablePointer<Handler> {
    let isThere = unsafe UInt(bitPattern: index) < UInt(bitPattern: capacity) && storage.pointee.isLive[index]
    precondition(isThere, "no handler at this index")
    return unsafe storage.pointee.handlers + index
  }

  private func grow(to count: Int) {
    var larger = capacity
    while larger < count { larger *= 2 }
    let moved = HandlerTable.makeStorage(larger)
    for index in 0..<capacity {
      guard unsafe storage.pointee.isLive[index] else { continue }
      unsafe (moved.handlers + index).moveInitialize(from: storage.pointee.handlers + index, count: 1)
      unsafe moved.isLive[index] = true
    }
    free()
    unsafe storage.pointee = moved
  }
}
