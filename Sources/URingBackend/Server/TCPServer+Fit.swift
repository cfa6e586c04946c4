internal import Logging

extension TCPServer.Configuration {
  /// What does not fit together, one sentence each. The server works all the same; what it cannot do is said at its start.
  func misfits(_ plan: MemoryPlan) -> [String] {
    var misfits: [String] = []
    let least = plan.copyBytes / PoolPressure.leastShare
    let perLoop = max(1, maximumConnections / max(1, loops))
    if perLoop > least {
      misfits.append(
        """
        while slots are scarce, poolBytes has room for \(least) connections that hold something at a time, and \
        maximumConnections lets \(perLoop) onto a loop: raise the one, or lower the other
        """
      )
    }
    for (name, mark) in [("unreadBytes", limits.unreadBytes), ("highWaterBytes", limits.highWaterBytes)]
    where mark > plan.largestMark {
      misfits.append(
        "\(name) \(mark) counts as \(plan.largestMark), an eighth of the receive slots that poolBytes allows"
      )
    }
    return misfits
  }
}

extension TCPServer {
  /// Says at the start what the configuration promises and cannot keep.
  func reportMisfits(on loop: EventLoop) {
    for misfit in configuration.misfits(loop.memory.plan) {
      logger?.warning("the configuration does not fit the pool", metadata: ["why": "\(misfit)"])
    }
  }
}
