import Testing

@testable import URingBackend

struct LoopClockTests {
  @Test func theClockDoesNotGoBack() {
    var last = LoopClock.now()
    for _ in 0..<1000 {
      let now = LoopClock.now()
      #expect(now >= last)
      last = now
    }
  }

  @Test func aDeadlineIsTheStartAndTheDuration() {
    #expect(LoopClock.deadline(after: .seconds(3), from: 5) == 3_000_000_005)
    #expect(LoopClock.deadline(after: .milliseconds(1500), from: 0) == 1_500_000_000)
    #expect(LoopClock.deadline(after: .nanoseconds(7), from: 1) == 8)
    #expect(LoopClock.deadline(after: .zero, from: 9) == 9)
  }

  @Test func aDeadlineIsNeverEarly() {
    #expect(LoopClock.deadline(after: Duration(secondsComponent: 0, attosecondsComponent: 1), from: 0) == 1)
    let late = Duration(secondsComponent: 1, attosecondsComponent: 1_000_000_001)
    #expect(LoopClock.deadline(after: late, from: 0) == 1_000_000_002)
  }

  @Test func aDeadlineThatDoesNotFitSaturates() {
    #expect(LoopClock.deadline(after: .seconds(Int64.max), from: 0) == .max)
    #expect(LoopClock.deadline(after: .seconds(18_446_744_073), from: .max - 5) == .max)
    #expect(LoopClock.deadline(after: .nanoseconds(6), from: .max - 5) == .max)
  }

  @Test func aNegativeDurationIsOverAtOnce() {
    #expect(LoopClock.deadline(after: .seconds(-1), from: 77) == 77)
    #expect(LoopClock.deadline(after: .nanoseconds(-1), from: 77) == 77)
  }

  @Test(arguments: OperationKind.allCases, [UInt32(0), 1, 77, 0x00FF_FFFF])
  func anOperationSurvivesTheKernel(kind: OperationKind, generation: UInt32) {
    for index in [UInt32(0), 1, 0x8000_0000, .max] {
      let operation = OperationID(rawValue: OperationID(kind, index: index, generation: generation).rawValue)
      #expect(operation.kind == kind && operation.index == index && operation.generation == generation)
    }
  }

  @Test func aGenerationBeyondItsBitsDoesNotTouchTheKind() {
    let operation = OperationID(.send, index: 3, generation: 0x0100_0001)
    #expect(operation.kind == .send && operation.generation == 1 && operation.index == 3)
    #expect(OperationID(rawValue: 0).kind == nil && OperationID(rawValue: .max).kind == nil)
  }
}
