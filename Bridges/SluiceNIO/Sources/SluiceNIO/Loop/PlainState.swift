/// State of one thread, in memory of its own behind a constant.
///
/// A stored variable of a class is checked for exclusive access each time it is used, and those checks were a quarter of what a message
/// cost. So what is used for each message is no variable of its class but lies here. Nobody may call foreign code while he
/// changes a part of it; values that do their work without calling anybody are what it is for.
@safe
struct PlainState<Value: ~Copyable>: ~Copyable {
  // Initialized by `init`, and given back with its only owner.
  private let address: UnsafeMutablePointer<Value>

  init(_ value: consuming Value) {
    unsafe address = .allocate(capacity: 1)
    unsafe address.initialize(to: value)
  }

  deinit {
    unsafe address.deinitialize(count: 1)
    unsafe address.deallocate()
  }

  /// The state, in place.
  var value: Value {
    @inline(__always)
    unsafeAddress { unsafe pointer }
    @inline(__always)
    nonmutating unsafeMutableAddress { unsafe mutablePointer }
  }

  // For accessors of classes that have such a state, which may not outlive it.
  @inline(__always)
  var pointer: UnsafePointer<Value> { unsafe UnsafePointer(address) }
  @inline(__always)
  var mutablePointer: UnsafeMutablePointer<Value> { unsafe address }
}
