import CLiburing
import SystemPackage
import Testing
import URingTesting

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a simulated kernel may do with an operation that is cancelled while it runs.
struct CancelledLateTests {
  private func ring(_ system: SimulatedSystem) throws -> Ring {
    let driver = SimulatedDriver(system, entries: 8, completionEntries: 16, features: .simulated)
    return Ring(driver: try #require(driver))
  }

  private func completions(_ ring: Ring) -> [Completion] {
    var list: [Completion] = []
    while let completion = ring.nextCompletion() { list.append(completion) }
    return list
  }

  @Test(arguments: [false, true])
  func aCancelledAcceptMayStillBringADescriptor(saysAlready: Bool) throws {
    let system = SimulatedSystem(choices: .quiet)
    let ring = try ring(system)
    defer { ring.close() }
    let listener = system.listen(at: 80)
    #expect(ring.prepareAcceptMultishot(listener, userData: 1))
    try ring.enter(waitFor: 0, timeoutNanoseconds: nil)
    let certain: [Site: Double] = [.goesOnAfterCancel: 1, .saysAlready: saysAlready ? 1 : 0]
    system.network.choices = Choices(seed: 1, only: certain)
    #expect(ring.prepareCancel(target: 1, userData: 2))
    try ring.enter(waitFor: 0, timeoutNanoseconds: nil)
    let answer = completions(ring)
    #expect(answer.map(\.userData) == [2])
    #expect(answer.first?.result == (saysAlready ? -Errno.alreadyInProcess.rawValue : 0))
    _ = system.connectPeer(to: 80)
    try ring.enter(waitFor: 1, timeoutNanoseconds: 1_000_000_000)
    let accepted = completions(ring)
    #expect(accepted.map(\.userData) == [1] && accepted.first?.hasMore == true)
    #expect((accepted.first?.result ?? -1) > listener)
    system.network.choices = .quiet
    for _ in 0..<2 { try ring.enter(waitFor: 1, timeoutNanoseconds: 1_000_000_000) }
    let end = completions(ring)
    #expect(end.map(\.result) == [-Errno.canceled.rawValue] && end.first?.userData == 1 && end.first?.hasMore == false)
  }

  @Test func theEndOfWhatIsCancelledMayComeFirst() throws {
    let system = SimulatedSystem(choices: Choices(seed: 1, only: [.endsBeforeAnswer: 1]))
    let ring = try ring(system)
    defer { ring.close() }
    #expect(ring.prepareAcceptMultishot(system.listen(at: 80), userData: 1))
    #expect(ring.prepareCancel(target: 1, userData: 2))
    try ring.enter(waitFor: 0, timeoutNanoseconds: nil)
    let both = completions(ring)
    #expect(both.map(\.userData) == [1, 2] && both.map(\.result) == [-Errno.canceled.rawValue, 0])
  }
}
