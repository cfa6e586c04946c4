import Testing

@testable import URingBackend

/// Single paths through the machine of a connection, for reading.
struct ConnectionMachineTests {
  private func machine(pausing: Bool = false) -> ConnectionMachine {
    ConnectionMachine(
      limits: ConnectionMachine.Limits(readCredit: 100, highWater: 50, lowWater: 10, isHandled: pausing)
    )
  }

  @Test func aFreshConnectionArmsOneReceiveAndNothingElse() {
    var machine = machine()
    #expect(machine.decide() == .armReceive)
    #expect(machine.decide() == [] && machine.receiveAllowance == 100)
  }

  @Test func readingPausesAtTheCreditAndGoesOnAtHalfOfIt() {
    var machine = machine()
    _ = machine.decide()
    machine.receiveCompleted(more: true)
    machine.queueUnread(99)
    #expect(!machine.mustPauseInput && machine.decide() == [] && machine.receiveAllowance == 1)
    machine.queueUnread(1)
    #expect(machine.mustPauseInput && machine.decide() == .cancelReceive && machine.decide() == [])
    machine.receiveCompleted(more: false)
    // The end would go unnoticed otherwise.
    #expect(machine.decide() == .armWatch)
    #expect(!machine.takeUnread(49) && machine.decide() == [])
    #expect(machine.takeUnread(1) && machine.decide() == .armReceive && machine.receiveAllowance == 50)
  }

  @Test func unsentBytesPauseTheInputOnlyOfAHandler() {
    for pausing in [true, false] {
      var machine = machine(pausing: pausing)
      _ = machine.decide()
      machine.queueUnsent(50)
      #expect(!machine.isAboveHighWater && machine.decide() == .startSend)
      machine.queueUnsent(1)
      #expect(machine.isAboveHighWater && machine.decide() == (pausing ? .cancelReceive : []))
      #expect(!machine.sendCompleted(40) && machine.isAboveHighWater && machine.decide() == .startSend)
      machine.receiveCompleted(more: !pausing)
      #expect(machine.sendCompleted(1) && !machine.isAboveHighWater)
      #expect(machine.decide() == (pausing ? [.startSend, .armReceive] : .startSend))
    }
  }

  @Test func aHalfCloseSendsTheFINBehindTheLastByteAndReadsOn() {
    var machine = machine()
    _ = machine.decide()
    machine.queueUnsent(5)
    machine.endOutput()
    #expect(!machine.acceptsOutput && machine.decide() == .startSend)
    _ = machine.sendCompleted(3)
    #expect(machine.decide() == .startSend)
    _ = machine.sendCompleted(2)
    #expect(machine.decide() == .shutdownOutput && machine.decide() == [])
    machine.shutdownCompleted()
    #expect(machine.decide() == [] && machine.delivers && machine.flags.contains(.receiveArmed))
  }

  @Test func aCloseFlushesThenLingersUntilThePeerEnds() {
    var machine = machine()
    _ = machine.decide()
    machine.queueUnsent(5)
    machine.close()
    #expect(machine.decide() == .startSend && !machine.delivers)
    _ = machine.sendCompleted(5)
    #expect(machine.decide() == [.shutdownOutput, .startLinger])
    machine.shutdownCompleted()
    #expect(machine.decide() == [])
    machine.receiveCompleted(more: false)
    machine.inputEnd()
    #expect(machine.decide() == .closeDescriptor && machine.decide() == [])
  }

  @Test func aPeerThatDoesNotEndIsLeftWhenItsTimeIsUp() {
    var machine = machine()
    _ = machine.decide()
    machine.close()
    #expect(machine.decide() == [.shutdownOutput, .startLinger])
    machine.shutdownCompleted()
    machine.lingerExpire()
    #expect(machine.decide() == .cancelReceive)
    machine.receiveCompleted(more: false)
    #expect(machine.decide() == .closeDescriptor)
  }

  /// The FIN went out before the close: the peer's time to end begins with the close all the same.
  @Test(arguments: [true, false])
  func aCloseAfterTheHalfCloseLingersToo(isOut: Bool) {
    var machine = machine()
    _ = machine.decide()
    machine.endOutput()
    #expect(machine.decide() == .shutdownOutput)
    if isOut { machine.shutdownCompleted() }
    machine.close()
    #expect(machine.decide() == .startLinger)
  }

  @Test func whenBothSidesAreDoneNoFINIsNeeded() {
    var machine = machine()
    _ = machine.decide()
    machine.receiveCompleted(more: false)
    machine.inputEnd()
    // A reset would go unnoticed otherwise.
    #expect(machine.decide() == .armWatch)
    machine.close()
    #expect(machine.decide() == .cancelWatch)
    machine.watchCompleted()
    #expect(machine.decide() == .closeDescriptor)
  }

  @Test func anAbortCancelsBothDirectionsAndDropsWhatIsQueued() {
    var machine = machine()
    _ = machine.decide()
    machine.queueUnsent(5)
    _ = machine.decide()
    machine.queueUnsent(7)
    machine.abort(resets: true)
    #expect(machine.decide() == [.cancelSend, .cancelReceive] && machine.decide() == [])
    machine.receiveCompleted(more: false)
    #expect(machine.decide() == [])
    _ = machine.sendCompleted(2)
    #expect(machine.decide() == [.dropOutput, .closeDescriptor] && machine.unsent == 10)
  }

  /// A server that stops ends with a FIN what owes nothing; but a task may have taken bytes, and be about to send them.
  @Test(arguments: [0, 5])
  func bytesRefusedBehindAnAbortAreDroppedBytes(count: Int) {
    var machine = machine()
    _ = machine.decide()
    machine.refuseUnsent(3)
    machine.abort(resets: false)
    #expect(machine.decide() == .cancelReceive && !machine.flags.contains(.resets))
    machine.refuseUnsent(count)
    machine.receiveCompleted(more: false)
    #expect(machine.decide() == .closeDescriptor && machine.flags.contains(.resets) == (count > 0))
  }

  @Test func aCancelThatMissedIsAskedAgain() {
    var machine = machine()
    _ = machine.decide()
    machine.pauseInput(true)
    #expect(machine.decide() == .cancelReceive)
    machine.receiveCancelMissed()
    #expect(machine.decide() == .cancelReceive)
  }

  @Test func aStarvedConnectionWaitsUntilItIsFed() {
    var machine = machine()
    _ = machine.decide()
    machine.receiveCompleted(more: false)
    machine.starve()
    #expect(machine.decide() == [])
    #expect(machine.feed() && machine.decide() == .armReceive)
  }

  @Test func aResetEndsBothDirectionsButKeepsTheConnectionForItsUser() {
    var machine = machine()
    _ = machine.decide()
    machine.queueUnsent(5)
    _ = machine.decide()
    machine.receiveCompleted(more: false)
    machine.breakOff()
    #expect(machine.decide() == .cancelSend && !machine.acceptsOutput)
    _ = machine.sendCompleted(0)
    #expect(machine.decide() == .dropOutput)
    _ = machine.dropUnsent(5)
    #expect(machine.decide() == [])
    machine.close()
    #expect(machine.decide() == .closeDescriptor)
  }
}
