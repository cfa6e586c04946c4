/// The operations that wait: at fixed places, found by place or by what their completions carry.
///
/// Each place belongs to one list of its owner's as well (`next`). Grows, never shrinks; a place that was given back is the
/// next to be taken. Finding by user data is O(1) on average.
@safe
struct OperationTable: ~Copyable {
  static var none: Int32 { -1 }

  // Why the pointers hold: both tables belong to this value from `init`, or from `grow`, which replaces them, to `deinit`;
  // places below `used` are initialised. Nobody keeps a pointer across `insert`, which may move them.
  private var places: UnsafeMutablePointer<Operation>
  private var buckets: UnsafeMutablePointer<Int32>
  private var capacity: Int
  private var used = 0
  private var firstFree = OperationTable.none
  private(set) var count = 0

  init() {
    capacity = 64
    unsafe places = .allocate(capacity: 64)
    unsafe buckets = .allocate(capacity: 64)
    unsafe buckets.initialize(repeating: OperationTable.none, count: 64)
  }

  deinit {
    for place in 0..<used { unsafe places[place].dropVectors() }
    unsafe places.deallocate()
    unsafe buckets.deallocate()
  }

  /// The operation at a place that was taken. Valid until the next `insert`.
  @inline(__always)
  func pointer(_ place: Int32) -> UnsafeMutablePointer<Operation> { unsafe places + Int(place) }

  /// Takes a place.
  mutating func insert(_ operation: consuming Operation) -> Int32 {
    if firstFree == OperationTable.none, used == capacity { grow() }
    let place: Int32
    if firstFree != OperationTable.none {
      place = firstFree
      firstFree = unsafe pointer(place).pointee.next
      unsafe pointer(place).pointee = operation
    } else {
      place = Int32(truncatingIfNeeded: used)
      unsafe pointer(place).initialize(to: operation)
      used += 1
    }
    link(place)
    count += 1
    return place
  }

  /// Gives a place back, and what the operation keeps.
  mutating func remove(_ place: Int32) {
    unlink(place)
    let operation = unsafe pointer(place)
    unsafe operation.pointee.dropVectors()
    unsafe operation.pointee.next = firstFree
    firstFree = place
    count -= 1
  }

  /// The operation that was submitted with `userData`; of several, any.
  func find(_ userData: UInt64) -> Int32? {
    var place = unsafe buckets[bucket(userData)]
    while place != OperationTable.none {
      let operation = unsafe pointer(place)
      if unsafe operation.pointee.userData == userData { return place }
      place = unsafe operation.pointee.chain
    }
    return nil
  }

  @inline(__always)
  private func bucket(_ userData: UInt64) -> Int {
    // Fibonacci hashing: the upper bits of the product depend on all bits of the number.
    Int(truncatingIfNeeded: (userData &* 0x9E37_79B9_7F4A_7C15) &>> 32) & (capacity &- 1)
  }

  private mutating func link(_ place: Int32) {
    let operation = unsafe pointer(place)
    let bucket = unsafe bucket(operation.pointee.userData)
    unsafe operation.pointee.chain = buckets[bucket]
    unsafe buckets[bucket] = place
  }

  private mutating func unlink(_ place: Int32) {
    let operation = unsafe pointer(place)
    let bucket = unsafe bucket(operation.pointee.userData)
    var other = unsafe buckets[bucket]
    if other == place {
      unsafe buckets[bucket] = operation.pointee.chain
      return
    }
    while other != OperationTable.none {
      let next = unsafe pointer(other).pointee.chain
      if next == place {
        unsafe pointer(other).pointee.chain = operation.pointee.chain
        return
      }
      other = next
    }
  }

  /// Twice as many places. All of them are taken, so all are linked anew.
  private mutating func grow() {
    let larger = UnsafeMutablePointer<Operation>.allocate(capacity: 2 * capacity)
    unsafe larger.moveInitialize(from: places, count: used)
    unsafe places.deallocate()
    unsafe places = larger
    unsafe buckets.deallocate()
    capacity *= 2
    unsafe buckets = .allocate(capacity: capacity)
    unsafe buckets.initialize(repeating: OperationTable.none, count: capacity)
    for place in 0..<used { link(Int32(truncatingIfNeeded: place)) }
  }
}
