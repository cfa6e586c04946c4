import NIOConcurrencyHelpers

/// What the connections did, added up as they end, so that nothing is shared while they run. Any thread.
final class Totals: Sendable, CustomStringConvertible {
  private struct Counts {
    var connections = 0
    var messages = 0
    var bytes = 0
    var cutOff = 0
  }

  private let counts = NIOLockedValueBox(Counts())

  func add(messages: Int, bytes: Int) {
    counts.withLockedValue {
      $0.connections += 1
      $0.messages += messages
      $0.bytes += bytes
    }
  }

  /// A receiver was too slow.
  func addCutOff() {
    counts.withLockedValue { $0.cutOff += 1 }
  }

  var description: String {
    let now = counts.withLockedValue { $0 }
    return "connections \(now.connections), messages \(now.messages), bytes in \(now.bytes), cut off \(now.cutOff)"
  }
}
