extension LoopClock {
  /// The instant so long from now.
  func deadline(after duration: Duration) -> UInt64 {
    LoopClock.deadline(after: duration, from: now())
  }

  /// How long it is until an instant; zero when it is over.
  func time(until deadline: UInt64) -> Duration {
    let now = now()
    return .nanoseconds(Int64(clamping: deadline > now ? deadline - now : 0))
  }
}
