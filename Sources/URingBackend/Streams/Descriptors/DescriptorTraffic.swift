internal import DequeModule
internal import Glibc

/// The descriptors that one connection has received and nobody has taken, and those that wait to be sent with their bytes. All
/// of them are this object's, and are closed with it. Loop thread only.
final class DescriptorTraffic {
  /// Descriptors that go out with one byte.
  struct Passed {
    /// Which one it is, counted in `sent`.
    var offset: UInt64
    var descriptors: [Int32]
  }

  /// So many may wait to be sent: a peer that does not read must not use up what the process may open.
  static let mostQueued = 1024

  /// Received and not taken, oldest first.
  private(set) var received = Deque<Int32>()
  /// How many of them there may be.
  var limit = 0
  /// What the next receive may take.
  var portion = 0

  private var queue = Deque<Passed>()
  private(set) var queued = 0
  /// Bytes that were sent since something was queued here.
  private var sent: UInt64 = 0

  deinit {
    for descriptor in received { Glibc.close(descriptor) }
    for passed in queue { close(passed) }
  }

  // MARK: Received

  /// Takes over what was received. False, and they are closed, if there would be too many.
  func receive(_ descriptors: [Int32]) -> Bool {
    guard received.count + descriptors.count <= limit else {
      for descriptor in descriptors { Glibc.close(descriptor) }
      return false
    }
    received.append(contentsOf: descriptors)
    return true
  }

  /// Gives the oldest up to the caller.
  func take(_ count: Int) -> [Int32] {
    let taken = Array(received.prefix(count))
    received.removeFirst(taken.count)
    return taken
  }

  // MARK: Sent

  var hasQueued: Bool { !queue.isEmpty }

  /// Takes over what is to go out with the byte behind `unsent` others.
  func queue(_ descriptors: [Int32], behind unsent: Int) {
    if queue.isEmpty { sent = 0 }
    queue.append(Passed(offset: sent + UInt64(unsent), descriptors: descriptors))
    queued += descriptors.count
  }

  /// Bytes that go out before the first descriptors do.
  var bytesBefore: Int {
    guard let next = queue.first else { return .max }
    return Int(clamping: next.offset - sent)
  }

  /// What goes out with the next byte, and how many bytes may go with it, because others go out with those behind.
  var next: (descriptors: [Int32], bytes: Int)? {
    guard let next = queue.first, next.offset == sent else { return nil }
    guard queue.count > 1 else { return (next.descriptors, .max) }
    return (next.descriptors, Int(clamping: queue[1].offset - sent))
  }

  /// So many bytes were sent: with the first of them went what stands in front, which the peer has its own descriptors for now.
  func noteSent(_ count: Int) {
    guard count > 0 else { return }
    if let next = queue.first, next.offset == sent {
      queue.removeFirst()
      queued -= next.descriptors.count
      close(next)
    }
    sent += UInt64(count)
  }

  private func close(_ passed: Passed) {
    for descriptor in passed.descriptors { Glibc.close(descriptor) }
  }
}
