import Testing

@testable import EchoLoad

/// The times of an open loop depend on nothing but the rate.
@Suite struct ScheduleTests {
  @Test func timesAreEvenAndDoNotDrift() {
    let schedule = Schedule(start: 5_000, rate: 3, count: 3_000_001)
    #expect(schedule.time(of: 0) == 5_000)
    #expect(schedule.time(of: 1) == 5_000 + 333_333_333)
    // A million seconds later it is still exact.
    #expect(schedule.time(of: 3_000_000) == 5_000 + 1_000_000_000_000_000)
  }

  @Test func whatWasMissedIsStillDueAtItsOwnTime() {
    var schedule = Schedule(start: 100, rate: 1e8, count: 5)  // every 10 ns
    #expect(schedule.next(now: 99) == nil)
    #expect(schedule.nextTime == 100)
    // A stall until 125: three are due, each with the time it was meant for.
    var due: [UInt64] = []
    while let (_, time) = schedule.next(now: 125) { due.append(time) }
    #expect(due == [100, 110, 120])
    #expect(schedule.nextTime == 130)
    while schedule.next(now: 1000) != nil {}
    #expect(schedule.due == 5)
    #expect(schedule.nextTime == nil)
    #expect(schedule.isOver)
  }
}
