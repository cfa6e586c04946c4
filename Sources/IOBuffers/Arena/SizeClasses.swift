/// The size classes of an arena, ascending by slot size. A reference to memory that the arena's core frees.
///
/// Not an array: each loan and each return changes an element, and an array would first ask whether it is shared.
@safe
struct SizeClasses: @unchecked Sendable {
  // Sound: the elements are used by who has the lock of the arena's state only.
  private let storage: UnsafeMutableBufferPointer<SizeClass>

  init(slotSizes: [Int]) {
    // Sound: as many elements as are allocated are initialized, here.
    unsafe storage = .allocate(capacity: slotSizes.count)
    _ = unsafe storage.initialize(from: slotSizes.map { SizeClass(slotBytes: $0) })
  }

  var count: Int { unsafe storage.count }

  var indices: Range<Int> { 0..<count }

  /// The smallest class that serves `bytes`; nil if none does.
  ///
  /// Here and not in the state: there the compiler would copy the whole state for the call.
  func smallest(for bytes: Int) -> Int? {
    for place in indices where self[place].slotBytes >= bytes { return place }
    return nil
  }

  subscript(place: Int) -> SizeClass {
    // Sound: a place of `indices`, as every class's number is; initialized until `deallocate()`.
    _read { yield unsafe storage[place] }
    nonmutating _modify { yield unsafe &storage[place] }
  }

  func deallocate() {
    // Sound: called once, at the end of the core, which nobody can use any more.
    unsafe storage.deinitialize().deallocate()
  }
}
