/// The zero-copy sends of one loop that the kernel is not done with. Loop thread only.
final class ZeroCopySends {
  let policy: ZeroCopyPolicy
  let sends = Slab<ZeroCopySend> { _ in ZeroCopySend() }
  private var free: [UInt32] = []
  /// How many there are.
  private(set) var inUse = 0
  /// What all of them pin, in bytes.
  private(set) var pinned = 0

  init(_ policy: ZeroCopyPolicy) {
    self.policy = policy
  }

  /// The send that an operation names, or nil when the kernel is done with it.
  func find(_ operation: OperationID) -> Int? {
    let place = Int(operation.index)
    guard place < sends.count, sends[place].isOpen, sends[place].generation == operation.generation else { return nil }
    return place
  }

  /// The name of a send as an operation.
  func operation(_ place: Int) -> UInt64 {
    OperationID(.sendZeroCopy, index: UInt32(place), generation: sends[place].generation).rawValue
  }

  /// Opens a send. Nil, and the views are still the caller's, when the slab is at its bound.
  func open(_ connection: ConnectionID, _ views: ViewQueue, pinned: Int) -> Int? {
    guard let place = takePlace() else { return nil }
    sends[place].isOpen = true
    sends[place].tookBytes = false
    sends[place].connection = connection
    sends[place].views = views
    sends[place].pinned = pinned
    inUse += 1
    self.pinned += pinned
    return place
  }

  /// The kernel has said its last word on a send.
  /// - Returns: the views, which are the caller's to release.
  func close(_ place: Int) -> ViewQueue {
    let views = sends[place].views
    sends[place].isOpen = false
    sends[place].views = ViewQueue()
    sends[place].generation = (sends[place].generation &+ 1) & OperationID.generationMask
    free.append(UInt32(place))
    inUse -= 1
    pinned -= sends[place].pinned
    return views
  }

  private func takePlace() -> Int? {
    if let place = free.popLast() { return Int(place) }
    let start = sends.count
    guard sends.grow() else { return nil }
    for place in (start + 1..<sends.count).reversed() { free.append(UInt32(place)) }
    return start
  }
}
