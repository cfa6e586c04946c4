import Foundation
import Glibc

/// The hang guard: no test asserts on time, but none waits for ever either.
private let patience: Duration = .seconds(300)

/// Lets other tasks run until `condition` holds. False when the hang guard struck first.
func eventually(_ condition: () -> Bool) async -> Bool {
  let deadline = ContinuousClock.now + patience
  while !condition() {
    if ContinuousClock.now > deadline { return false }
    await Task.yield()
  }
  return true
}

/// Spins, then yields the processor, until `condition` holds. False when the hang guard struck first.
func spin(until condition: () -> Bool) -> Bool {
  var turns = 0
  var deadline: ContinuousClock.Instant?
  // The thread sanitizer keeps a short history of each thread. One that spins overwrites it, and with it what a race
  // would be reported by.
  let patienceOfSpinner = Settings.isThreadSanitized ? 4 : 256
  while !condition() {
    turns += 1
    if turns % patienceOfSpinner != 0 { continue }
    sched_yield()
    if turns % (1 << 16) != 0 { continue }
    let now = ContinuousClock.now
    if let deadline, now > deadline { return false }
    deadline = deadline ?? now + patience
  }
  return true
}

/// Runs a long or blocking body on a thread of its own, so that the pool of tasks stays free for other tests.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
  await withCheckedContinuation { continuation in
    let thread = Thread { continuation.resume(returning: body()) }
    thread.stackSize = 8 << 20
    thread.start()
  }
}
