/// One connect to a host by its name, on its loop: looks the name up, runs a ``ConnectionRace`` over the addresses, and
/// bounds both by one deadline.
///
/// Loop thread only; what comes after the loop's end finds it over.
final class HostConnect: @unchecked Sendable {
  // Why unchecked: references travel in closures that hop to the loop; every method runs there.

  /// How long an attempt is alone before the next one begins beside it: RFC 8305, section 5.
  static let headStart: UInt64 = 250_000_000

  let key: UInt32
  let sink: ConnectionSink
  private let request: HostConnectRequest
  private let engine: StreamEngine
  private let completion: (Result<Int, HostConnectError>) -> Void

  private var lookup: Task<Void, Never>?
  private var race: ConnectionRace?
  /// By place: the key by which an attempt can be given up.
  private var attempts: [Int: UInt32] = [:]
  /// By place: the connection that an attempt has brought.
  private var connections: [Int: Int] = [:]
  private var headStartTimer: TimerQueue<LoopTimer>.Handle?
  private var deadlineTimer: TimerQueue<LoopTimer>.Handle?
  private var waitingActions: [ConnectionRace.Action] = []
  private var isActing = false
  /// Why it was given up, once it was.
  private var abandoned: SocketError.Kind?
  private var isOver = false

  init(
    key: UInt32,
    _ request: HostConnectRequest,
    engine: StreamEngine,
    sink: ConnectionSink,
    completion: @escaping (Result<Int, HostConnectError>) -> Void
  ) {
    self.key = key
    self.request = request
    self.engine = engine
    self.sink = sink
    self.completion = completion
  }

  // MARK: Events

  func begin() {
    let loop = engine.loop
    let deadline = loop.clock.deadline(after: request.timeout)
    deadlineTimer = loop.timers.arm(
      deadline,
      .notice { [self] in
        deadlineTimer = nil
        giveUp(.timedOut)
      }
    )
    if let literal = LiteralHost.addresses(of: request.host, port: request.port) {
      return resolved(literal.mapError { $0 })
    }
    // Not on the loop, and not as a part of the task that waits: a resolver that does not heed its cancellation is left
    // behind.
    let (host, port, resolver) = (request.host, request.port, request.resolver)
    lookup = Task.detached { [self] in
      let answer: Result<[SocketAddress], any Error>
      do {
        answer = .success(try await resolver.addresses(of: host, port: port))
      } catch {
        answer = .failure(error)
      }
      loop.execute { self.resolved(answer) }
    }
  }

  /// Ends it; `completion` is called when the kernel has given up what was under way.
  func giveUp(_ kind: SocketError.Kind) {
    guard !isOver, abandoned == nil else { return }
    abandoned = kind
    lookup?.cancel()
    guard var race else { return finish(.failure(error())) }
    let actions = race.giveUp()
    self.race = race
    act(actions)
  }

  private func resolved(_ answer: Result<[SocketAddress], any Error>) {
    guard !isOver, race == nil, abandoned == nil else { return }
    lookup = nil
    switch answer {
    case .failure(let failure):
      finish(.failure(HostConnectError(host: request.host, port: request.port, .notFound, lookupFailure: failure)))
    case .success(let addresses):
      var race = ConnectionRace(addresses)
      let actions = race.begin()
      self.race = race
      act(actions)
    }
  }

  private func attemptEnded(_ place: Int, _ result: Result<Int, SocketError>) {
    attempts[place] = nil
    sink.end()
    let actions: [ConnectionRace.Action]?
    switch result {
    case .success(let index):
      connections[place] = index
      actions = race?.succeeded(place)
    case .failure(let error):
      actions = race?.failed(place, error)
    }
    act(actions ?? [])
  }

  // MARK: Actions

  /// Carries actions out in their order, also when one of them ends an attempt at once.
  private func act(_ actions: [ConnectionRace.Action]) {
    waitingActions += actions
    guard !isActing else { return }
    isActing = true
    defer { isActing = false }
    while !waitingActions.isEmpty { carryOut(waitingActions.removeFirst()) }
  }

  private func carryOut(_ action: ConnectionRace.Action) {
    switch action {
    case .start(let place): start(place)
    case .abandon(let place):
      if let key = attempts[place], let attempt = engine.connecting[key] {
        engine.cancel(attempt, abandoned ?? .cancelled)
      }
    case .discard(let place):
      if let index = connections.removeValue(forKey: place) { engine.abort(index, .closed) }
    case .armHeadStart: armHeadStart()
    case .cancelHeadStart: cancelHeadStart()
    case .finish(.connected(let place)):
      if let index = connections.removeValue(forKey: place) { finish(.success(index)) }
    case .finish(.failed(let failures)):
      let kind = failures.isEmpty ? HostConnectError.Kind.notFound : .unreachable
      finish(.failure(HostConnectError(host: request.host, port: request.port, kind, failures: failures)))
    case .finish(.abandoned(let failures)): finish(.failure(error(failures)))
    }
  }

  private func start(_ place: Int) {
    guard let race else { return }
    // Whoever waits for the sink to be empty waits for the losers, too.
    sink.begin()
    attempts[place] = engine.connect(
      to: race.addresses[place],
      // The deadline is one for all.
      timeoutNanoseconds: .max,
      options: request.options,
      sink: sink,
      settings: request.settings
    ) { [self] result in
      attemptEnded(place, result)
    }
  }

  private func armHeadStart() {
    cancelHeadStart()
    let (end, overflow) = engine.loop.clock.now().addingReportingOverflow(HostConnect.headStart)
    headStartTimer = engine.loop.timers.arm(
      overflow ? .max : end,
      .notice { [self] in
        headStartTimer = nil
        act(race?.headStartOver() ?? [])
      }
    )
  }

  private func cancelHeadStart() {
    if let timer = headStartTimer { _ = engine.loop.timers.cancel(timer) }
    headStartTimer = nil
  }

  private func finish(_ result: Result<Int, HostConnectError>) {
    guard !isOver else { return }
    isOver = true
    cancelHeadStart()
    if let timer = deadlineTimer { _ = engine.loop.timers.cancel(timer) }
    deadlineTimer = nil
    engine.hostConnects[key] = nil
    completion(result)
  }

  private func error(_ failures: [SocketError] = []) -> HostConnectError {
    let kind: HostConnectError.Kind =
      switch abandoned {
      case .timedOut: .timedOut
      case .shuttingDown: .shuttingDown
      default: .cancelled
      }
    return HostConnectError(host: request.host, port: request.port, kind, failures: failures)
  }
}
