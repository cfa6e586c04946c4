internal import URingBackend

/// What a descriptor stands for, and what is to be reported about it.
struct DescriptorEntry: Sendable {
  enum Kind: UInt8, Sendable {
    case free
    /// `index` is a side.
    case stream
    /// `index` is a listener.
    case listener
  }

  var kind = Kind.free
  var index = 0
  var isWatched = false
  /// It stands in the list of those that have something to report.
  var isQueued = false
  /// Comes back with each report.
  var generation: UInt32 = 0
  /// What has changed since the last report.
  var changed: Readiness = []
}
