extension Ring {
  /// Makes sure that `count` entries can be had without failing in between, submitting what is prepared if need be.
  /// False when the kernel takes nothing right now: try again after the next enter.
  @inline(__always)
  func reserve(_ count: UInt32) -> Bool {
    availableSubmissions >= count || reserveSlow(count)
  }

  @inline(never)
  private func reserveSlow(_ count: UInt32) -> Bool {
    flush()
    return availableSubmissions >= count
  }

  /// Submits what is prepared, without waiting. What stops it will stop the loop's own enter too, and is reported there.
  func flush() {
    _ = try? enter(waitFor: 0, timeoutNanoseconds: nil)
  }
}
