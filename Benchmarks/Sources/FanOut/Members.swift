import IOBuffers
import URingBackend

/// The connections of the server. On the thread of its one loop only, and read once more when the loop has ended.
final class Members: @unchecked Sendable {
  // Why unchecked: handlers call it on the loop's thread; nobody else does while the loop runs.

  /// Unsent bytes of a receiver that are too many: the others shall not pay for its being slow.
  private static let mostUnsent = 16 << 20
  /// How many bytes of messages go out between two looks for receivers that are too slow.
  private static let bytesBetweenLooks = 1 << 20

  private var ids: [ConnectionID] = []
  private var bytesSinceLook = 0
  private(set) var cutOff = 0

  func add(_ id: ConnectionID) {
    ids.append(id)
  }

  func remove(_ id: ConnectionID) {
    guard let place = ids.firstIndex(of: id) else { return }
    ids.swapAt(place, ids.count - 1)
    ids.removeLast()
  }

  /// Queues a reader of the same bytes on every connection.
  func send(_ view: borrowing ReadView, from connection: borrowing ConnectionContext) throws(BufferError) {
    for id in ids { connection.send(try view.share(), to: id) }
    bytesSinceLook += view.count
    if bytesSinceLook >= Self.bytesBetweenLooks {
      bytesSinceLook = 0
      cutOffSlowOnes(connection.loop)
    }
  }

  private func cutOffSlowOnes(_ loop: EventLoop) {
    // Ending a connection may change `ids`: this walks over them as they are now.
    for id in ids {
      loop.withConnection(id) { member in
        guard member.unsentBytes > Self.mostUnsent else { return }
        cutOff += 1
        member.abort()
      }
    }
  }
}
