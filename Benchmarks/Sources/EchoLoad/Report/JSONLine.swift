/// A JSON object on one line; its members stand in the order in which they were added.
struct JSONLine {
  private var members: [String] = []

  var text: String { "{" + members.joined(separator: ", ") + "}" }

  /// Names and texts here are our own: they need no escapes.
  mutating func add(_ name: String, _ value: String) {
    members.append("\"\(name)\": \"\(value)\"")
  }

  mutating func add(_ name: String, _ value: Int) {
    members.append("\"\(name)\": \(value)")
  }

  mutating func add(_ name: String, _ value: Double, places: Int) {
    members.append("\"\(name)\": \(value.text(places))")
  }

  mutating func add(_ name: String, _ value: Bool) {
    members.append("\"\(name)\": \(value)")
  }

  mutating func add(_ name: String, _ value: JSONLine) {
    members.append("\"\(name)\": \(value.text)")
  }
}
