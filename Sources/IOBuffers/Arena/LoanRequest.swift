/// One wait for a buffer that somebody else than the waiting task may end: when what the buffer is for is gone. Any thread.
package final class LoanRequest: Sendable {
  private let core: ArenaCore
  private let waiter: ArenaWaiter

  package init(_ arena: BufferArena, minimumCapacity: Int) {
    core = arena.core
    waiter = ArenaWaiter(bytes: minimumCapacity)
  }

  /// As ``BufferArena/allocateWhenAvailable(minimumCapacity:)``. Once.
  ///
  /// - Throws: as that, and ``BufferError/cancelled`` also when ``cancel()`` is called before or meanwhile.
  package func buffer() async throws(BufferError) -> PooledBuffer {
    PooledBuffer(adopting: try await core.loanWhenAvailable(waiter.bytes, waiter))
  }

  /// Ends the wait.
  package func cancel() {
    core.cancel(waiter)
  }
}
