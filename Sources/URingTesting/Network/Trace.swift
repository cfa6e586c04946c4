/// Readable lines about a run. Off, unless somebody wants to read them: they cost more than the run.
package struct Trace: Sendable {
  /// How many lines are kept; 0 is off.
  package var limit = 0
  package private(set) var lines: [String] = []
  /// How many lines there was no room for.
  package private(set) var dropped = 0

  package init(limit: Int = 0) { self.limit = limit }

  package var isOn: Bool { limit > 0 }

  mutating func add(_ time: UInt64, _ line: String) {
    guard lines.count < limit else {
      dropped += 1
      return
    }
    lines.append("t=\(time / 1000)us \(line)")
  }
}
