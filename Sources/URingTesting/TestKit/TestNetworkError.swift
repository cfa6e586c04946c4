/// Why something could not be done on a ``TestNetwork``.
public struct TestNetworkError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What kind of failure.
  public enum Kind: Equatable, Sendable {
    /// It did not come about in so much simulated time.
    case timedOut(Duration)
    /// It will never come about: nothing is on its way, no timer is set, and nobody sleeps on the loop.
    case nothingHappens
    /// The connection was reset, by the program or by the network.
    case wasReset
    /// The program has ended its stream before.
    case streamEnded
    /// This end was closed, or finished, by the test.
    case closed
    /// A connection could not be made.
    case notConnected
    /// Somebody listens on that port already.
    case portInUse
    /// The program has something to do again and again, without any time passing, such as a task that yields in a loop.
    case neverRests
    /// The call comes from another thread than the one that made the network.
    case wrongThread
    /// The call comes from code of the server.
    case insideOfTurn
    /// The network has ended.
    case networkEnded
    /// The simulated machine could not be set up.
    case setup
  }

  /// What kind of failure this is.
  public let kind: Kind
  /// What was to be done.
  public let operation: String
  /// How things stood, for people.
  public let situation: String

  init(_ kind: Kind, _ operation: String, _ situation: String) {
    self.kind = kind
    self.operation = operation
    self.situation = situation
  }

  /// What was to be done, why it could not be, and how things stood.
  public var description: String {
    "cannot \(operation): \(reason)" + (situation.isEmpty ? "" : " [\(situation)]")
  }

  private var reason: String {
    switch kind {
    case .timedOut(let duration): "not done within \(duration) of simulated time"
    case .nothingHappens:
      "nothing will happen any more: nothing is on its way, and nobody waits for a time; if code of the server waits for "
        + "something outside of the loop (Task.sleep, a detached task, another thread), let it use connection.loop.sleep, or the loop"
    case .wasReset: "the connection was reset"
    case .streamEnded: "the stream has ended"
    case .closed: "this end was closed by the test"
    case .notConnected: "the connection was refused, or never came about"
    case .portInUse: "somebody listens on that port already"
    case .neverRests: "the program has something to do again and again, without any time passing"
    case .wrongThread:
      "a TestNetwork belongs to the thread that made it; between its first and its last call there must be no await"
    case .insideOfTurn: "code that runs on the network cannot drive it; only the test can"
    case .networkEnded: "the network has ended"
    case .setup: "the simulated machine could not be set up"
    }
  }
}
