import Glibc
import Testing

@testable import URingBackend

/// The threads that wait for disks where there is no io_uring.
@Suite(.timeLimit(.minutes(1)))
struct FileThreadsTests {
  @Test func soManyAtATimeAndNoneWhenThereIsNothingToDo() async throws {
    let threads = FileThreads(3)
    let gate = Locked(false)
    let done = Locked(0)
    for _ in 0..<20 {
      threads.run {
        while !gate.value { usleep(500) }
        done.withLock { $0 += 1 }
      }
    }
    #expect(threads.load.threads == 3)
    #expect(threads.load.waiting >= 17)
    gate.withLock { $0 = true }
    try await eventually { done.value == 20 && threads.load.threads == 0 }
    #expect(threads.load.waiting == 0)
    // And again.
    threads.run { done.withLock { $0 += 1 } }
    try await eventually { done.value == 21 && threads.load.threads == 0 }
  }

  @Test func withoutAThreadTheWorkIsDoneAllTheSame() {
    let threads = FileThreads(3) { _ in false }
    let done = Locked(0)
    for _ in 0..<3 { threads.run { done.withLock { $0 += 1 } } }
    #expect(done.value == 3)
    #expect(threads.load == (0, 0))
  }
}
