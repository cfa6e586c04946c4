/// Lending to programs.
extension ArenaCore {
  /// A slot for an owner, or why there is none.
  func loan(_ bytes: Int) throws(BufferError) -> Slot {
    guard bytes >= 0 else { throw .negativeSize(bytes) }
    guard bytes <= BufferArena.largestBuffer else {
      throw .tooLarge(requested: bytes, limit: BufferArena.largestBuffer)
    }
    return try take(bytes).get()
  }

  /// A slot for an owner, as soon as there is one.
  func loanWhenAvailable(_ bytes: Int, _ waiter: ArenaWaiter? = nil) async throws(BufferError) -> Slot {
    do throws(BufferError) {
      return try loan(bytes)
    } catch {
      // No segment can be larger than the limit: waiting would be for ever.
      guard case .limitReached = error, bytes <= configuration.largestLoan else { throw error }
    }
    let waiter = waiter ?? ArenaWaiter(bytes: bytes)
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        enqueue(waiter, continuation)
      }
    } onCancel: {
      cancel(waiter)
    }
    return try result.get()
  }

  private func enqueue(
    _ waiter: ArenaWaiter,
    _ continuation: CheckedContinuation<Result<Slot, BufferError>, Never>
  ) {
    withState { state, wakeups in
      if waiter.isCancelled {
        wakeups.append(.loan(continuation, .failure(.cancelled)))
      } else if state.isClosed {
        wakeups.append(.loan(continuation, .failure(.closed)))
      } else {
        waiter.purpose = .loan(continuation)
        state.enqueue(waiter)
      }
    }
  }

  func cancel(_ waiter: ArenaWaiter) {
    withState { state, wakeups in
      waiter.isCancelled = true
      if case .loan(let continuation) = state.leave(waiter) {
        wakeups.append(.loan(continuation, .failure(.cancelled)))
      }
    }
  }

  /// Counts a buffer that moved to a larger slot.
  func countMove(of bytes: Int) {
    withState(draining: false) { state, _ in
      state.counters.moves += 1
      state.counters.movedBytes += bytes
    }
  }
}
