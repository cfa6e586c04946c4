import ArgumentParser

/// What kind of traffic a run makes.
enum Mode: String, ExpressibleByArgument, CaseIterable {
  case pingpong
  case bulk
  case churn
  case idle
  case fanout

  /// Bytes of a message where the command line does not say.
  var defaultSize: Int { self == .bulk ? 65_536 : 64 }

  /// Messages in flight on each connection where the command line does not say.
  func defaultDepth(isOpenLoop: Bool) -> Int {
    // In an open loop the schedule decides, so the depth is only the bound that nothing grows past.
    switch self {
    case .bulk: 16
    case .pingpong where isOpenLoop: 64
    default: 1
    }
  }

  /// What the messages of this mode are called.
  var unit: String {
    switch self {
    case .pingpong, .bulk: "messages"
    case .churn: "connections"
    case .idle: "probes"
    case .fanout: "deliveries"
    }
  }
}
