internal import DequeModule
internal import SystemPackage

/// The files of one loop: what on them has to wait for a disk. Made when something has to, for the first time; what is in the page
/// cache is read, sent and opened without it.
///
/// Loop thread only. Through the ring where the loop has one, on threads where it has not (epoll says of a regular file
/// that it is always ready), and on the spot on a loop that is stepped, where all time is virtual.
final class FileEngine: LoopClient, @unchecked Sendable {
  // Why unchecked: references travel in closures that hop to the loop; every method runs there.

  /// The family of its operations: see `OperationID.family`.
  static let family = 2

  /// Who waits.
  enum Means {
    case ring
    case threads(FileThreads)
    case nobody
  }

  private let loop: EventLoop
  private let means: Means
  private var operations: [UInt32: FileOperation] = [:]
  /// Those that wait for room in the submission queue, or for the end of the turn.
  private var waiting: Deque<UInt32> = []
  private var lastKey: UInt32 = 0

  init(loop: EventLoop, means: Means) {
    self.loop = loop
    self.means = means
  }

  /// Begins an operation; its completion is called once, on the loop's thread, never from inside of this call.
  /// - Returns: its name, to cancel it by.
  @discardableResult
  func begin(_ operation: FileOperation) -> UInt32 {
    repeat { lastKey &+= 1 } while operations[lastKey] != nil
    let key = lastKey
    operations[key] = operation
    if case .threads(let threads) = means {
      operation.isSubmitted = true
      threads.run { [loop] in
        let result = operation.perform()
        // The loop does not end before this has come: see `isIdle`.
        loop.execute { self.end(key, result) }
      }
    } else {
      waiting.append(key)
    }
    return key
  }

  /// Asks for the end of an operation; its completion comes all the same, perhaps with its result. A read that the disk works at
  /// is not given up by the kernel, and none that a thread has begun.
  func cancel(_ key: UInt32) {
    guard let operation = operations[key] else { return }
    guard operation.isSubmitted else { return end(key, -Errno.canceled.rawValue) }
    guard case .ring = means, loop.ring.reserve(1) else { return }
    _ = loop.ring.prepareCancel(
      target: OperationID(.file, index: key).rawValue,
      userData: OperationID(.cancelFile, index: key).rawValue
    )
  }

  /// Closes a descriptor that may have to be flushed.
  func close(_ descriptor: Int32) {
    // No pointers in it.
    begin(unsafe FileOperation(.close, descriptor: descriptor) { _ in })
  }

  private func end(_ key: UInt32, _ result: Int32) {
    operations.removeValue(forKey: key)?.completion(result)
  }

  // MARK: Events of the loop

  override func prepare() -> Bool {
    while let key = waiting.first {
      if let operation = operations[key], !submit(operation, key) { return true }
      waiting.removeFirst()
    }
    return false
  }

  /// False: the submission queue takes nothing right now.
  private func submit(_ operation: FileOperation, _ key: UInt32) -> Bool {
    guard case .ring = means else {
      end(key, operation.perform())
      return true
    }
    guard loop.ring.reserve(1), operation.submit(to: loop.ring, OperationID(.file, index: key).rawValue) else {
      return false
    }
    operation.isSubmitted = true
    return true
  }

  override func complete(_ completion: Completion, _ operation: OperationID) {
    if operation.kind == .file { end(operation.index, completion.result) }
  }

  override func stop() {
    for key in operations.keys.sorted() { cancel(key) }
  }

  override var isIdle: Bool { operations.isEmpty }
}
