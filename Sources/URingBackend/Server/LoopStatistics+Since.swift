extension LoopStatistics {
  /// The figures of all of these loops, summed up.
  init(of loops: [EventLoop]) {
    self = loops.reduce(into: LoopStatistics()) { $0 += $1.statistics }
  }

  /// What happened since `earlier`, in figures of the same loops. Counters are differences; gauges are as of now.
  func since(_ earlier: LoopStatistics) -> LoopStatistics {
    var result = self
    result.turns &-= earlier.turns
    result.spunWaits &-= earlier.spunWaits
    result.connectionsOpened &-= earlier.connectionsOpened
    result.connectionsClosed &-= earlier.connectionsClosed
    result.messages &-= earlier.messages
    result.bytesReceived &-= earlier.bytesReceived
    result.bytesSent &-= earlier.bytesSent
    result.acceptsPaused &-= earlier.acceptsPaused
    result.starvedWaits &-= earlier.starvedWaits
    result.bytesCopied &-= earlier.bytesCopied
    result.zeroCopySends &-= earlier.zeroCopySends
    result.zeroCopyCopied &-= earlier.zeroCopyCopied
    result.zeroCopyFallbacks &-= earlier.zeroCopyFallbacks
    result.datagramsReceived &-= earlier.datagramsReceived
    result.datagramsSent &-= earlier.datagramsSent
    result.datagramsTruncated &-= earlier.datagramsTruncated
    result.datagramsDropped &-= earlier.datagramsDropped
    result.datagramsRefused &-= earlier.datagramsRefused
    result.datagramsStarved &-= earlier.datagramsStarved
    result.datagramErrors &-= earlier.datagramErrors
    result.handlerErrors &-= earlier.handlerErrors
    result.pressureEpisodes &-= earlier.pressureEpisodes
    result.connectionsEvicted &-= earlier.connectionsEvicted
    result.connectionsGivenUp &-= earlier.connectionsGivenUp
    result.growths &-= earlier.growths
    return result
  }
}
