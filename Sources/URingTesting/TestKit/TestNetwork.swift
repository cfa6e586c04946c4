internal import IOBuffers
public import URingBackend

/// A server, its clients, a network between them and a clock, all of it simulated, on the thread of a test.
///
/// ```swift
/// let network = try TestNetwork()
/// let server = try network.serve { connection in
///   while let view = try await connection.receive() { try await connection.send(view) }
/// }
/// let client = try network.connect(to: server)
/// try client.send("hello\n")
/// #expect(try client.receiveLine() == "hello")
/// let report = try network.end()
/// #expect(report.isClean)
/// ```
///
/// Everything above the system calls is the code that real servers run: the loop, the engine, its buffers and limits. The
/// system calls, the network and the time are simulated, and a function of the seed: the same test does the same each time.
/// Nothing moves but inside of the calls of the network and of its peers, and time passes only there.
///
/// **One thread.** All calls must come from the thread that made the network, so no `await` may stand between the first and the
/// last of them: behind one, another thread may go on. Calls that can throw say so with
/// ``TestNetworkError/Kind-swift.enum/wrongThread``, the others trap. Code of the server runs on this thread too, inside of
/// these calls, and must not call them itself.
///
/// **No other executors.** What the server waits for must be the network's: its connections, `connection.loop.sleep`, a
/// `withDeadline` on the loop. `Task.sleep` and detached tasks run elsewhere, in real time: a call that waits for
/// what they do ends with ``TestNetworkError/Kind-swift.enum/nothingHappens``.
///
/// A network that is dropped without ``end()`` ends what runs on it.
public final class TestNetwork {
  /// How long a call of a peer, or ``run(until:within:)``, waits at most without progress, in simulated time. A minute
  /// unless told: shorter than the default idle timeout of connections.
  public var patience = Duration.seconds(60)
  /// The seed that everything is drawn from.
  public let seed: UInt64
  /// What may go wrong.
  public let faults: Faults
  /// How servers are set up.
  public let configuration: TCPServer.Configuration

  let system: SimulatedSystem
  let stepped: SteppedLoop
  let code = ServedCode()
  var peers: [SimulatedPeer] = []
  var peerPorts: Set<UInt16> = []
  var lastPeerPort: UInt16 = 20_000
  /// A turn is being made: whoever calls now is code of the server.
  var isInTurn = false
  var hasEnded = false
  /// A stop has begun.
  var isStopping = false
  /// When what has not ended by itself is aborted, in nanoseconds of the clock.
  var drainDeadline: UInt64?
  /// Connections that were aborted then.
  var undrained = 0

  /// - Parameters:
  ///   - seed: what everything is drawn from: the faults, and ``randomNumber(in:)``.
  ///   - faults: what may go wrong. Nothing unless told.
  ///   - configuration: how servers are set up, as for a real one: limits, connections, memory, drain time, `onError`. What
  ///     belongs to the machine has no meaning here: loops, pinning, driver, spinning, socket options.
  ///   - recordsTrace: whether ``trace`` tells what happens. It costs more than the run itself.
  /// - Throws: ``TestNetworkError`` of kind `setup` when the loop cannot be made, for the reasons of `EventLoop.start`.
  public init(
    seed: UInt64 = 0,
    faults: Faults = .none,
    configuration: TCPServer.Configuration = TCPServer.Configuration(),
    recordsTrace: Bool = false
  ) throws(TestNetworkError) {
    self.seed = seed
    self.faults = faults
    self.configuration = configuration
    system = SimulatedSystem(choices: Choices(seed: seed, faults: faults))
    system.network.trace = Trace(limit: recordsTrace ? 100_000 : 0)
    var loopConfiguration = configuration.loop
    // A loop that spins looks at a clock that stands still meanwhile.
    loopConfiguration.spin = .zero
    do throws(RingError) {
      stepped = try SteppedLoop(
        system,
        configuration: loopConfiguration,
        completionEntries: max(1, loopConfiguration.completionEntries),
        maximumConnections: configuration.maximumConnections
      )
    } catch {
      throw TestNetworkError(.setup, "make a network", "\(error)")
    }
    // This thread belongs to the test: it collects nothing outside of turns.
    DeferredReleases.end()
  }

  deinit {
    if !hasEnded { endLoop() }
  }

  /// The loop that the servers run on, for code that asks for one, such as `TCPClient`, or a task of the test's own:
  /// `Task(executorPreference: network.loop) { … }`.
  public var loop: EventLoop { stepped.loop }

  /// How much simulated time has passed since the network was made. Each system call takes 200 nanoseconds, and each
  /// segment 5 microseconds, even when nothing goes wrong.
  public var now: Duration { .nanoseconds(Int64(clamping: clock)) }

  /// Connections of the program under test that are open, those that it opened itself included.
  public var connectionsOpen: Int {
    requireThread()
    return hasEnded ? 0 : stepped.remains.connections
  }

  /// What code of the servers threw so far, oldest first. That a peer went away is no error, as in
  /// `TCPServer.Configuration.onError`.
  public var errors: [any Error] {
    requireThread()
    return code.errors
  }

  /// What happened, in words, with the time: what was called, what arrived. Empty unless the network records it.
  public var trace: [String] { system.network.trace.lines }

  /// A number that is drawn from the seed, so that a test over many seeds is not the same one many times.
  public func randomNumber(in range: ClosedRange<Int>) -> Int {
    requireThread()
    return Int.random(in: range, using: &random)
  }

  private lazy var random = SplitMix64(seed: ~seed)

  var clock: UInt64 { system.network.clock }

  // MARK: Rules

  /// Whether the network may be used now, and from here.
  func require(for operation: @autoclosure () -> String) throws(TestNetworkError) {
    if hasEnded { throw TestNetworkError(.networkEnded, operation(), "") }
    if !loop.isCurrent { throw TestNetworkError(.wrongThread, operation(), "") }
    if isInTurn { throw TestNetworkError(.insideOfTurn, operation(), "") }
  }

  /// For what cannot throw.
  func requireThread() {
    precondition(
      hasEnded || loop.isCurrent,
      "a TestNetwork is used on another thread than the one that made it: no await may come between"
    )
  }
}

@available(*, unavailable, message: "a TestNetwork belongs to the thread that made it")
extension TestNetwork: Sendable {}

extension TestNetwork: CustomStringConvertible {
  /// How this run is repeated. For the comments of expectations that do not throw: `#expect(a == b, "\(network)")`.
  public var description: String {
    "TestNetwork(seed: \(seed), faults: \(faults))"
  }

  /// How things stand, for errors.
  var situation: String {
    let bodies = code.running == 0 ? "" : ", bodies that have not returned: \(code.running)"
    let errors = code.errors.first.map { ", code of the server threw \($0)" } ?? ""
    return "after \(now), connections of the program: \(stepped.remains.connections)\(bodies)\(errors)"
  }
}
