/// What the ring's side has to know when memory cannot be had.
extension BufferArena {
  /// Creates an arena to which the system refuses memory at will, for tests.
  ///
  /// - Parameters:
  ///   - configuration: limits and sizes.
  ///   - mapFault: called before so many bytes are mapped, under the arena's lock: the error (errno(3)) that the system
  ///     is said to have, or nil to let it decide.
  package convenience init(_ configuration: Configuration, mapFault: @escaping @Sendable (Int) -> Int32?) {
    self.init(core: ArenaCore(configuration.normalized(), mapFault: mapFault))
  }

  /// Throws if the arena can never have a slot of so many bytes for the kernel, however much comes home.
  package func requirePossible(slotBytes: Int) throws(BufferError) {
    guard slotBytes >= 0 else { throw .negativeSize(slotBytes) }
    guard slotBytes <= Self.largestPosted else {
      throw .tooLarge(requested: slotBytes, limit: Self.largestPosted)
    }
    guard slotBytes <= core.configuration.largestLoan else {
      throw .limitReached(requested: slotBytes, mapped: 0, limit: core.configuration.byteLimit)
    }
  }

  /// Why the system refused memory (``BufferError/mapFailed(errno:bytes:)``), if it did when the arena last asked.
  package var mapFailure: BufferError? {
    core.withState(draining: false) { state, _ in state.mapFailure }
  }

  /// Serves those who wait, as far as that is possible by now.
  ///
  /// Slots that come home do that by themselves. Who waits because the system refused memory while nothing is lent has
  /// nobody who could come home: somebody has to ask from time to time.
  package func retryWaiters() {
    core.withState { _, _ in }
  }
}
