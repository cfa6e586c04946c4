import SystemPackage
import Testing

@testable import URingBackend

/// A signal that comes while nobody reads is found by the next read: no wake is lost between two sleeps.
struct WakeUpTests {
  private func check(_ ring: Ring) throws {
    defer { ring.close() }
    let wakeUp = try WakeUp()
    // Before the first read, and more than once: the event counts, and one read takes it all.
    wakeUp.signal()
    wakeUp.signal()
    #expect(wakeUp.arm(on: ring))
    try ring.enter(waitFor: 1, timeoutNanoseconds: 1_000_000_000)
    #expect(ring.nextCompletion()?.result == 8 && ring.nextCompletion() == nil)
    // Nothing is left of them.
    #expect(wakeUp.arm(on: ring))
    try ring.enter(waitFor: 1, timeoutNanoseconds: 1_000_000)
    #expect(ring.nextCompletion() == nil)
    wakeUp.signal()
    try ring.enter(waitFor: 1, timeoutNanoseconds: 1_000_000_000)
    #expect(ring.nextCompletion()?.userData == OperationID(.wake).rawValue)
    // Between the completion and the next read, as while a loop runs a turn.
    wakeUp.signal()
    #expect(wakeUp.arm(on: ring))
    try ring.enter(waitFor: 1, timeoutNanoseconds: 1_000_000_000)
    #expect(ring.nextCompletion()?.result == 8)
  }

  @Test(.needsIOUring) func noSignalIsLostOnIOUring() throws { try check(Ring.kernel()) }

  @Test func noSignalIsLostOnEpoll() throws {
    try check(Ring(driver: try ReadinessDriver(entries: 8, completionEntries: 16)))
  }
}
