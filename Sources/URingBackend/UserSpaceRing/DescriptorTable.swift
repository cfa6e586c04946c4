/// What a ring in user space knows about a descriptor.
struct DescriptorState {
  /// First of the operations that wait for input, for output, and of the polls.
  var input = OperationTable.none
  var output = OperationTable.none
  var polls = OperationTable.none
  /// Of this use of the number: reports of an earlier one are told apart by it.
  var generation: UInt32 = 0
  /// What is worth a try. A call that had nothing to do takes it away, a report brings it back.
  var readiness: Readiness = [.input, .output]
  /// The system reports what becomes ready.
  var isWatched = false
  /// Stands in the queue of those that are worth a try.
  var isQueued = false

  var isWaitedFor: Bool { input & output & polls != OperationTable.none }
}

/// The states of all descriptors, by their numbers, which a system keeps small. A state never moves.
@safe
struct DescriptorTable: ~Copyable {
  // Why the pointers hold: `blocks` has places for the first `count` blocks, each of which, once made, stays where it is
  // until `deinit`, initialised as a whole.
  private var blocks: UnsafeMutablePointer<UnsafeMutablePointer<DescriptorState>?>
  private var count = 16

  private static var blockSize: Int { 1024 }
  /// More than a process can have: the kernel's bound for RLIMIT_NOFILE is 2^31, its default one 2^20.
  private static var limit: Int { 1 << 26 }

  init() {
    unsafe blocks = .allocate(capacity: 16)
    unsafe blocks.initialize(repeating: nil, count: 16)
  }

  deinit {
    for index in 0..<count { unsafe blocks[index]?.deallocate() }
    unsafe blocks.deallocate()
  }

  /// The state of a descriptor; nil for what cannot be one.
  @inline(__always)
  mutating func state(of descriptor: Int32) -> UnsafeMutablePointer<DescriptorState>? {
    // A negative number becomes a large one.
    let index = Int(UInt32(bitPattern: descriptor))
    let block = index / Self.blockSize
    if block < count, let states = unsafe blocks[block] { return unsafe states + index % Self.blockSize }
    return unsafe newState(index)
  }

  @inline(never)
  private mutating func newState(_ index: Int) -> UnsafeMutablePointer<DescriptorState>? {
    guard index < Self.limit else { return nil }
    let block = index / Self.blockSize
    if block >= count {
      var larger = count
      while larger <= block { larger *= 2 }
      let copy = UnsafeMutablePointer<UnsafeMutablePointer<DescriptorState>?>.allocate(capacity: larger)
      unsafe copy.moveInitialize(from: blocks, count: count)
      unsafe (copy + count).initialize(repeating: nil, count: larger - count)
      unsafe blocks.deallocate()
      unsafe blocks = copy
      count = larger
    }
    let states = UnsafeMutablePointer<DescriptorState>.allocate(capacity: Self.blockSize)
    unsafe states.initialize(repeating: DescriptorState(), count: Self.blockSize)
    unsafe blocks[block] = states
    return unsafe states + index % Self.blockSize
  }
}
