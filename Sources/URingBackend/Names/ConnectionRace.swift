/// Which of a host's addresses is tried when, as a pure value: RFC 8305, "Happy Eyeballs".
///
/// Events change it and say what to do next. It knows neither time nor network, so that tests can walk every path. The
/// addresses take turns by family, beginning with the family of the first one (section 4), the next attempt begins when the
/// one before has failed, or when it has had its head start (section 5); the first that succeeds wins, and the others are
/// given up.
struct ConnectionRace {
  /// What is to be done now, in this order.
  enum Action: Equatable {
    /// Begin to connect to the address at this place of `addresses`.
    case start(Int)
    /// Give up the attempt at this place; `ended` is told when it is over.
    case abandon(Int)
    /// Close the connection that the attempt at this place has brought: nobody wants it any more.
    case discard(Int)
    /// Call `headStartOver` when the head start of the newest attempt is over; an earlier request is void.
    case armHeadStart
    /// Nobody waits for that any more.
    case cancelHeadStart
    /// All is over. Comes once, last.
    case finish(Outcome)
  }

  enum Outcome: Equatable {
    /// The attempt at this place has won. Attempts that were abandoned may still be under way.
    case connected(Int)
    /// Every attempt is over, and none has won; the failures, in the order in which they came.
    case failed([SocketError])
    /// It was given up; what was under way is over. The failures are those that came before, and of what was under way.
    case abandoned([SocketError])
  }

  /// In the order in which they are tried.
  let addresses: [SocketAddress]
  private var next = 0
  private var underWay: Set<Int> = []
  private var failures: [SocketError] = []
  private var isArmed = false
  private var isGivenUp = false
  private var isFinished = false

  /// - Parameter found: the addresses, in the order that the resolver prefers (RFC 6724).
  init(_ found: [SocketAddress]) {
    addresses = ConnectionRace.interleaved(found)
  }

  /// Each address once, families in turn, each family in its own order.
  static func interleaved(_ found: [SocketAddress]) -> [SocketAddress] {
    var seen: Set<SocketAddress> = []
    let unique = found.filter { seen.insert($0).inserted }
    guard let first = unique.first else { return [] }
    let preferred = unique.filter { $0.family == first.family }
    let others = unique.filter { $0.family != first.family }
    var result: [SocketAddress] = []
    for index in 0..<max(preferred.count, others.count) {
      if index < preferred.count { result.append(preferred[index]) }
      if index < others.count { result.append(others[index]) }
    }
    return result
  }

  // MARK: Events

  /// Once, first.
  mutating func begin() -> [Action] {
    addresses.isEmpty ? finish(.failed([])) : startNext()
  }

  /// The newest attempt has had its head start.
  mutating func headStartOver() -> [Action] {
    guard isArmed else { return [] }
    isArmed = false
    return startNext()
  }

  /// The attempt at this place has a connection.
  mutating func succeeded(_ place: Int) -> [Action] {
    guard underWay.contains(place) else { return [] }
    guard !isFinished, !isGivenUp else {
      return [.discard(place)] + failed(place, SocketError(.cancelled, .connect, peer: addresses[place]))
    }
    underWay.remove(place)
    return disarm() + underWay.sorted().map { .abandon($0) } + finish(.connected(place))
  }

  /// The attempt at this place is over, without a connection.
  mutating func failed(_ place: Int, _ error: SocketError) -> [Action] {
    guard underWay.remove(place) != nil, !isFinished else { return [] }
    failures.append(error)
    if isGivenUp { return underWay.isEmpty ? finish(.abandoned(failures)) : [] }
    if next < addresses.count { return disarm() + startNext() }
    return underWay.isEmpty ? finish(.failed(failures)) : []
  }

  /// Nobody wants a connection any more. `finish` comes when what is under way is over.
  mutating func giveUp() -> [Action] {
    guard !isFinished, !isGivenUp else { return [] }
    isGivenUp = true
    let actions = disarm() + underWay.sorted().map { .abandon($0) }
    return underWay.isEmpty ? actions + finish(.abandoned(failures)) : actions
  }

  // MARK: What follows

  private mutating func startNext() -> [Action] {
    guard next < addresses.count, !isGivenUp, !isFinished else { return [] }
    let place = next
    next += 1
    underWay.insert(place)
    // Behind the last one nobody waits for a head start.
    guard next < addresses.count else { return [.start(place)] }
    isArmed = true
    return [.start(place), .armHeadStart]
  }

  private mutating func disarm() -> [Action] {
    guard isArmed else { return [] }
    isArmed = false
    return [.cancelHeadStart]
  }

  private mutating func finish(_ outcome: Outcome) -> [Action] {
    isFinished = true
    return [.finish(outcome)]
  }
}
