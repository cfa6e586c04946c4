import SystemPackage
import Testing

@testable import URingBackend

/// The order and the pace of attempts, without a network and without time: RFC 8305.
struct ConnectionRaceTests {
  private static func v4(_ number: UInt32) -> SocketAddress { SocketAddress(ipv4: number, port: 80) }
  private static func v6(_ number: Int) throws -> SocketAddress { try SocketAddress(host: "fd00::\(number)", port: 80) }

  private static func refused(_ address: SocketAddress) -> SocketError {
    SocketError(.system(.connectionRefused), .connect, peer: address)
  }

  @Test func familiesTakeTurnsBeginningWithTheFirst() throws {
    let (a, b, c) = (Self.v4(1), Self.v4(2), Self.v4(3))
    let (x, y) = (try Self.v6(1), try Self.v6(2))
    #expect(ConnectionRace.interleaved([x, y, a, b, c]) == [x, a, y, b, c])
    #expect(ConnectionRace.interleaved([a, b, x, c, y]) == [a, x, b, y, c])
    #expect(ConnectionRace.interleaved([a, a, x, a, x]) == [a, x])
    #expect(ConnectionRace.interleaved([b, a, c]) == [b, a, c])
    #expect(ConnectionRace.interleaved([]) == [])
  }

  @Test func oneAddressNeedsNoHeadStart() {
    var race = ConnectionRace([Self.v4(1)])
    #expect(race.begin() == [.start(0)])
    #expect(race.headStartOver() == [])
    #expect(race.succeeded(0) == [.finish(.connected(0))])
    #expect(race.succeeded(0) == [] && race.failed(0, Self.refused(Self.v4(1))) == [] && race.giveUp() == [])
  }

  @Test func noAddressIsAFailureAtOnce() {
    var race = ConnectionRace([])
    #expect(race.begin() == [.finish(.failed([]))])
  }

  @Test func afterAFailureTheNextBeginsAtOnce() {
    let addresses = (1...3).map { Self.v4($0) }
    let errors = addresses.map { Self.refused($0) }
    var race = ConnectionRace(addresses)
    #expect(race.begin() == [.start(0), .armHeadStart])
    #expect(race.failed(0, errors[0]) == [.cancelHeadStart, .start(1), .armHeadStart])
    #expect(race.failed(1, errors[1]) == [.cancelHeadStart, .start(2)])
    #expect(race.failed(2, errors[2]) == [.finish(.failed(errors))])
  }

  @Test func afterTheHeadStartTheNextBeginsBesideIt() {
    let addresses = (1...3).map { Self.v4($0) }
    var race = ConnectionRace(addresses)
    #expect(race.begin() == [.start(0), .armHeadStart])
    #expect(race.headStartOver() == [.start(1), .armHeadStart])
    #expect(race.headStartOver() == [.start(2)])
    #expect(race.headStartOver() == [])
    // The first one may still win.
    #expect(race.failed(1, Self.refused(addresses[1])) == [])
    #expect(race.succeeded(0) == [.abandon(2), .finish(.connected(0))])
    // Too late.
    #expect(race.failed(2, Self.refused(addresses[2])) == [])
  }

  @Test func twoThatSucceedTogetherAreOneWinner() {
    var race = ConnectionRace([Self.v4(1), Self.v4(2), Self.v4(3)])
    _ = race.begin()
    _ = race.headStartOver()
    #expect(race.succeeded(1) == [.cancelHeadStart, .abandon(0), .finish(.connected(1))])
    #expect(race.succeeded(0) == [.discard(0)])
  }

  @Test func whoGivesUpWaitsForWhatIsUnderWay() {
    let addresses = (1...4).map { Self.v4($0) }
    let errors = addresses.map { Self.refused($0) }
    var race = ConnectionRace(addresses)
    _ = race.begin()
    _ = race.failed(0, errors[0])
    _ = race.headStartOver()
    #expect(race.giveUp() == [.cancelHeadStart, .abandon(1), .abandon(2)])
    #expect(race.giveUp() == [] && race.headStartOver() == [])
    #expect(race.failed(2, errors[2]) == [])
    // One that has a connection after all does not keep it.
    let end = race.succeeded(1)
    #expect(end.first == .discard(1) && end.count == 2)
    guard case .finish(.abandoned(let failures)) = end.last else {
      Issue.record("\(end)")
      return
    }
    #expect(failures.map(\.peer) == [addresses[0], addresses[2], addresses[1]])
  }

  /// Whatever comes in whatever order: each address once, one end, last, and nothing of it left under way that nobody asked
  /// to give up.
  @Test func everyPathKeepsTheRules() {
    var random = Randomness(seed: 11)
    for _ in 0..<TestRun.amount(20_000, short: 2_000, long: 500_000) {
      let count = Int(random.next() % 6)
      var race = ConnectionRace((0..<count).map { Self.v4(UInt32($0)) })
      var underWay: Set<Int> = []
      var abandoned: Set<Int> = []
      var started = 0
      var isArmed = false
      var ends = 0
      var winner: Int?
      func take(_ actions: [ConnectionRace.Action]) {
        for action in actions {
          if ends > 0 {
            guard case .discard = action else {
              Issue.record("\(action) behind the end")
              return
            }
          }
          switch action {
          case .start(let place):
            #expect(place == started)
            started += 1
            underWay.insert(place)
          case .abandon(let place):
            #expect(underWay.contains(place) && abandoned.insert(place).inserted)
          case .discard: break
          case .armHeadStart: isArmed = true
          case .cancelHeadStart:
            #expect(isArmed)
            isArmed = false
          case .finish(let outcome):
            ends += 1
            if case .connected(let place) = outcome {
              winner = place
            } else {
              #expect(underWay.isEmpty)
            }
          }
        }
      }
      take(race.begin())
      for _ in 0..<30 {
        let place = underWay.isEmpty ? 0 : underWay.sorted()[Int(random.next() % UInt64(underWay.count))]
        switch random.next() % 8 {
        case 0...2 where !underWay.isEmpty:
          underWay.remove(place)
          take(race.failed(place, Self.refused(race.addresses[place])))
        case 3 where !underWay.isEmpty:
          underWay.remove(place)
          take(race.succeeded(place))
        case 4: take(race.giveUp())
        default:
          guard isArmed else { continue }
          isArmed = false
          take(race.headStartOver())
        }
      }
      #expect(ends <= 1)
      if let winner { #expect(!abandoned.contains(winner) && underWay.isSubset(of: abandoned)) }
      // Time and failures bring it to an end in any case.
      while ends == 0 || !underWay.isEmpty {
        guard let place = underWay.min() else { break }
        underWay.remove(place)
        take(race.failed(place, Self.refused(race.addresses[place])))
      }
      #expect(ends == 1 && (!isArmed || winner == nil))
    }
  }
}

/// A sequence that is the same each time: SplitMix64.
private struct Randomness {
  var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
