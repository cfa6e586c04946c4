/// A value that belongs to one loop: what the connections of a loop share, without a lock.
///
/// Code on the loop reaches it with ``withValue(_:)``, which checks that it is there. One thread runs a loop, and the value is
/// lent for the length of a synchronous call, so nobody else can be at it meanwhile. It need not be `Sendable`.
///
/// ```swift
/// final class Rooms { var members: [String: Int] = [:] }
///
/// try await server.run(state: { _ in Rooms() }) { connection, rooms in
///   rooms.withValue { $0.members["lobby", default: 0] += 1 }
///   defer { rooms.withValue { $0.members["lobby", default: 1] -= 1 } }
///   while let view = try await connection.receive() { try await connection.send(view) }
/// }
/// ```
@safe
public final class LoopLocal<Value: ~Copyable>: @unchecked Sendable {
  // Why unchecked: `value` is touched on the loop's thread, or in its place, alone.

  /// The loop that the value belongs to.
  public let loop: EventLoop
  private var value: Value

  /// - Parameters:
  ///   - value: what the loop's code shares. Whoever gives it away has no other way to it.
  ///   - loop: the loop that it belongs to from now on.
  public init(_ value: consuming sending Value, on loop: EventLoop) {
    self.value = value
    self.loop = loop
  }

  /// Lends the value to `body`. On the loop only: the server's own code of a connection is there, and is again behind each
  /// `await`. Elsewhere, and within another call for the same value, this traps.
  ///
  /// - Returns: what `body` returns. Nothing of the value may be left behind in it that is not `Sendable`.
  public func withValue<Result: ~Copyable, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    precondition(loop.isCurrent, "a value of loop \(loop.index) is wanted elsewhere; see EventLoop.execute")
    return try body(&value)
  }
}
