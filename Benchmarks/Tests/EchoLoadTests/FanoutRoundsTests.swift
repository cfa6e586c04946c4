import Testing

@testable import EchoLoad

/// A round is over when every connection has it.
@Suite struct FanoutRoundsTests {
  @Test func roundsEndWithTheirLastReceiver() {
    var rounds = FanoutRounds(depth: 2)
    rounds.publish(receivers: 2)
    rounds.publish(receivers: 3)
    #expect(rounds.room == 0)
    let first = rounds.receive(0)
    // One connection may be ahead of another.
    let ahead = rounds.receive(1)
    #expect(!first && !ahead)
    #expect(rounds.completed == 0)
    let last = rounds.receive(0)
    #expect(last)
    #expect(rounds.room == 1)
    rounds.publish(receivers: 1)
    let second = (rounds.receive(1), rounds.receive(1))
    #expect(second == (false, true))
    let third = rounds.receive(2)
    #expect(third)
    #expect(rounds.completed == 3)
    #expect(rounds.room == 2)
  }
}
