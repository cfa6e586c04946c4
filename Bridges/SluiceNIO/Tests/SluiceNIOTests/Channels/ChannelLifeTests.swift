import Testing

@testable import SluiceNIO

@Suite struct ChannelLifeTests {
  private func life(_ steps: (inout ChannelLife) -> Void) -> ChannelLife {
    var life = ChannelLife()
    steps(&life)
    return life
  }

  private func expectFarewell(_ steps: (inout ChannelLife) -> Void, inactive: Bool, unregistered: Bool) {
    var life = life(steps)
    let farewell = life.close()
    #expect(farewell.inactive == inactive)
    #expect(farewell.unregistered == unregistered)
    #expect(!life.isOpen && !life.isActive && !life.isRegistered)
  }

  @Test func handlersHearOfTheEndOfWhatTheyHeardTheBeginningOf() {
    expectFarewell({ _ in }, inactive: false, unregistered: false)
    expectFarewell({ $0.register() }, inactive: false, unregistered: true)
    expectFarewell(
      {
        $0.register()
        $0.beginActivation()
      },
      inactive: false,
      unregistered: true
    )
    expectFarewell(
      {
        $0.register()
        $0.beginActivation()
        $0.finishActivation()
      },
      inactive: true,
      unregistered: true
    )
  }

  @Test func aCloseThatWaitsIsNotOpenAndOwesTheSame() {
    var life = life {
      $0.register()
      $0.beginActivation()
      $0.finishActivation()
      $0.beginClosing()
    }
    #expect(!life.isOpen && !life.isActive && !life.isRegistered && life.isClosing)
    let farewell = life.close()
    #expect(farewell.inactive)
    #expect(!life.isClosing)
  }

  @Test func itClosesOnce() {
    var life = life { $0.register() }
    _ = life.close()
    let again = life.close()
    #expect(!again.inactive && !again.unregistered)
  }

  @Test func nothingIsActiveThatIsNotRegistered() {
    let life = life {
      $0.beginActivation()
      $0.finishActivation()
    }
    #expect(!life.isActive && life.isOpen)
  }
}
