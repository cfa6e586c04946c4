/// The line that tells once a second how a run stands.
struct ProgressLine {
  private var messages: UInt64 = 0
  private var bytes: UInt64 = 0
  private var elapsed = 0.0

  /// The next line.
  ///
  /// - Parameters:
  ///   - pulses: how each loop stands.
  ///   - seconds: since the last line.
  mutating func next(_ pulses: [LoadDriver.Pulse], seconds: Double) -> String {
    let messagesNow = pulses.reduce(0) { $0 + $1.messages }
    let bytesNow = pulses.reduce(0) { $0 + $1.bytes }
    // Each phase counts from zero.
    let messagesMoved = messagesNow >= messages ? messagesNow - messages : messagesNow
    let bytesMoved = bytesNow >= bytes ? bytesNow - bytes : bytesNow
    messages = messagesNow
    bytes = bytesNow
    elapsed += seconds
    return """
      \(elapsed.text(0).right(5)) s \((Double(messagesMoved) / seconds).grouped.right(11))/s \
      \((Double(bytesMoved) / seconds / 1e6).text(1).right(9)) MB/s \
      \(UInt64(pulses.reduce(0) { $0 + $1.open }).grouped.right(7)) open \
      \(UInt64(pulses.reduce(0) { $0 + $1.errors }).grouped.right(4)) errors
      """
  }
}
