internal import Synchronization

/// Tells a forked child from its parent without a system call.
///
/// A page that the kernel zeroes in children (madvise(2), MADV_WIPEONFORK, Linux 4.14) holds a number of this process.
/// Where there is no such page, every process looks like the first.
@safe
struct ForkGuard: @unchecked Sendable {
  // Sound: the page is never unmapped, and is used as an atomic number only; zeroed, that number is 0.
  private let number: UnsafePointer<Atomic<UInt64>>?
  /// The number when this value was made.
  private let birth: UInt64

  // One page for the whole process: it is never unmapped.
  @safe private static let page = unsafe ForkGuard(
    number: UnsafePointer(Platform.mapWipedOnFork()?.bindMemory(to: Atomic<UInt64>.self, capacity: 1)),
    birth: 0
  )

  private init(number: UnsafePointer<Atomic<UInt64>>?, birth: UInt64) {
    unsafe self.number = number
    self.birth = birth
  }

  /// Remembers this process.
  init() {
    unsafe number = Self.page.number
    // Zero in a process that asks for the first time: threads that ask together store the same.
    let processNumber = Platform.processNumber
    unsafe number?.pointee.store(processNumber, ordering: .relaxed)
    birth = unsafe number == nil ? 0 : processNumber
  }

  /// Whether this process was forked after this value was made.
  var isForked: Bool {
    guard let number = unsafe number else { return false }
    return unsafe number.pointee.load(ordering: .relaxed) != birth
  }
}
