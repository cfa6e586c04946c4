/// The handlers of one loop's connections, by the connections' indexes. Loop thread only.
///
/// Plain memory, because this is generic code that is not specialized for its handler: anything more, such as an
/// optional, would make the runtime look up type metadata for each message.
@safe
final class HandlerTable<Handler> {
  private var handlers: UnsafeMutablePointer<Handler>
  private var isLive: [Bool]
  private var capacity = 16

  init() {
    unsafe handlers = .allocate(capacity: 16)
    isLive = Array(repeating: false, count: 16)
  }

  deinit {
    for index in 0..<capacity where isLive[index] { unsafe (handlers + index).deinitialize(count: 1) }
    unsafe handlers.deallocate()
  }

  /// Puts a handler at a free index. Must not be called while a handler runs: it may move them.
  func insert(_ handler: consuming Handler, at index: Int) {
    if index >= capacity { grow(to: index + 1) }
    unsafe (handlers + index).initialize(to: handler)
    isLive[index] = true
  }

  /// Takes the handler out; nil when there is none.
  func remove(at index: Int) -> Handler? {
    guard index < capacity, isLive[index] else { return nil }
    isLive[index] = false
    return unsafe (handlers + index).move()
  }

  /// The handler at `index`, in place. There must be one.
  subscript(index: Int) -> Handler {
    unsafeAddress {
      precondition(isLive[index], "no handler at this index")
      return unsafe UnsafePointer(handlers + index)
    }
    unsafeMutableAddress {
      precondition(isLive[index], "no handler at this index")
      return unsafe handlers + index
    }
  }

  private func grow(to count: Int) {
    var larger = capacity
    while larger < count { larger *= 2 }
    let moved = UnsafeMutablePointer<Handler>.allocate(capacity: larger)
    for index in 0..<capacity where isLive[index] {
      unsafe (moved + index).moveInitialize(from: handlers + index, count: 1)
    }
    unsafe handlers.deallocate()
    unsafe handlers = moved
    isLive += Array(repeating: false, count: larger - capacity)
    capacity = larger
  }
}
