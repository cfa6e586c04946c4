import URingBackend

/// How far runs came: what was never reached was not tested either.
enum Coverage {
  static func describe(_ statistics: LoopStatistics) -> String {
    """
    reached: \(statistics.messages) messages, \(statistics.pressureEpisodes) times scarce slots, \
    \(statistics.starvedWaits) waits for slots, \(statistics.bytesCopied) bytes moved out of slots, \
    \(statistics.acceptsPaused) pauses of accepting, \(statistics.connectionsGivenUp) connections given up, \
    \(statistics.connectionsEvicted) of them for holding memory, \(statistics.handlerErrors) errors of user code, \
    \(statistics.zeroCopySends) zero-copy sends, \(statistics.zeroCopyCopied) of them copied, \
    \(statistics.zeroCopyFallbacks) refused
    """
  }
}
