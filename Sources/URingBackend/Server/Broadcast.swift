public import IOBuffers
internal import Synchronization

/// Sends to many connections, on however many loops, without a copy, and without waiting for any of them.
///
/// ```swift
/// let room = Broadcast(slowMembers: .abort)
/// try await server.run { connection in
///   room.add(connection)
///   while let view = try await connection.receive() { room.send(view, except: connection.id) }
/// }
/// ```
///
/// What is sent lies in memory once: each member's connection has a reader of it. A loop is handed a message once, however many of
/// its connections are members.
///
/// **Who is slow** is known by the high-water mark of its connection (`ConnectionLimits.highWaterBytes`): while more is unsent there, a
/// message is not sent to it (``SlowMembers``). So a member holds at most its mark and one message. A loop that is busy
/// may owe at most ``pendingMessages`` messages; what comes then is sent to none of its members. ``missed`` counts both.
///
/// **The order.** What one task, or one handler, sends arrives in its order at each member. What several send at a time may arrive in
/// another order on another loop.
///
/// Members are connections of tasks and of handlers, of servers and of clients, side by side. A connection that ends is a member no
/// more; being one keeps no connection open. Any thread may call everything here; nothing waits.
public final class Broadcast: Sendable {
  /// What becomes of a member that does not take what was sent to it before.
  public enum SlowMembers: Hashable, Sendable {
    /// The message is not sent to it; it goes on with a later one. For what is overtaken by what follows, such as prices.
    case skip
    /// Its connection is given up, with an error of kind `.timedOut`, and its peer sees a reset. For what must be complete, such as
    /// a conversation.
    case abort
  }

  /// What becomes of a member that is slow.
  public let slowMembers: SlowMembers
  /// How many messages may wait for a loop that is busy.
  public let pendingMessages: Int

  /// Those with members, one for each loop.
  private let groups = Guarded<[BroadcastGroup]>([])
  private let misses = BroadcastMisses()

  /// - Parameters:
  ///   - slowMembers: what becomes of a member that is slow; its connection is given up unless told.
  ///   - pendingMessages: how many messages may wait for a loop that is busy; 1024 unless told, at least one.
  public init(slowMembers: SlowMembers = .abort, pendingMessages: Int = 1024) {
    self.slowMembers = slowMembers
    self.pendingMessages = max(1, pendingMessages)
  }

  /// Makes a connection a member, until it ends. What this task sends from now on is sent to it. Nothing happens when it is one.
  public func add(_ connection: TCPConnection) {
    group(of: connection.loop).add(connection.id)
  }

  /// The same for a connection that a handler serves.
  public func add(_ connection: borrowing ConnectionContext) {
    group(of: connection.loop).add(connection.id)
  }

  /// Takes a connection out. What was sent before is still sent to it.
  public func remove(_ connection: TCPConnection) {
    group(of: connection.loop).remove(connection.id)
  }

  /// The same for a connection that a handler serves.
  public func remove(_ connection: borrowing ConnectionContext) {
    group(of: connection.loop).remove(connection.id)
  }

  /// Sends the bytes of a view to every member, straight from the memory that it locks. The memory is free when the last
  /// member's has been sent.
  ///
  /// - Parameters:
  ///   - view: what to send.
  ///   - sender: a member that it is not sent to, such as the one that it comes from.
  public func send(_ view: consuming ReadView, except sender: ConnectionID? = nil) {
    guard !view.isEmpty else { return }
    send(BroadcastMessage(first: SharedView(view), rest: [], except: sender))
  }

  /// Sends all bytes of a queue, such as what an `OutputBytes` has, to every member, in one piece.
  ///
  /// - Parameters:
  ///   - queue: what to send; it is used up.
  ///   - sender: a member that it is not sent to, such as the one that it comes from.
  public func send(_ queue: consuming ByteQueue, except sender: ConnectionID? = nil) {
    var queue = queue
    guard let first = queue.popFirst() else { return }
    var rest: [SharedView] = []
    while let view = queue.popFirst() { rest.append(SharedView(view)) }
    send(BroadcastMessage(first: SharedView(first), rest: rest, except: sender))
  }

  private func send(_ message: BroadcastMessage) {
    for group in groups.withLock({ $0 }) { group.send(message) }
  }

  /// How many members there are. One that has ended counts until a message finds it gone.
  public var memberCount: Int { groups.withLock { $0 }.reduce(0) { $0 + $1.memberCount } }

  /// How often a message was not sent to a member, because that one was slow, its loop had ``pendingMessages`` to do, or there was no
  /// memory to queue it. One to whom it cannot be sent any more, because its output is closed, does not count.
  public var missed: UInt64 { misses.count.load(ordering: .relaxed) }

  private func group(of loop: EventLoop) -> BroadcastGroup {
    groups.withLock { groups in
      if let group = groups.first(where: { $0.loop === loop }) { return group }
      // Those whose loop has ended have no members any more.
      groups.removeAll { $0.loop.hasEnded }
      let group = BroadcastGroup(loop, isAborting: slowMembers == .abort, pendingMessages: pendingMessages, misses)
      groups.append(group)
      return group
    }
  }
}

/// How often members were not sent a message. Of a broadcast and all of its groups, which may outlive it.
final class BroadcastMisses: Sendable {
  let count = Atomic<UInt64>(0)

  func add(_ number: Int) {
    if number > 0 { count.add(UInt64(number), ordering: .relaxed) }
  }
}

/// What is sent to all members.
struct BroadcastMessage: Sendable {
  let first: SharedView
  /// What follows; rarely anything.
  let rest: [SharedView]
  /// Not to this one.
  let except: ConnectionID?

  /// Views of one's own of all of it. Nil: there are 16 million already.
  func views() -> ByteQueue? {
    var queue = ByteQueue()
    do throws(BufferError) {
      queue.append(try first.view())
      for view in rest { queue.append(try view.view()) }
    } catch {
      return nil
    }
    return queue
  }
}
