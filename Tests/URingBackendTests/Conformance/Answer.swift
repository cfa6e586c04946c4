/// What a kernel made of a scenario, in lines that can be read and compared.
struct Answer: Hashable, Comparable, Sendable, CustomStringConvertible {
  var lines: [String]

  var description: String { lines.map { "    \($0)\n" }.joined() }

  static func < (one: Answer, other: Answer) -> Bool {
    one.lines.lexicographicallyPrecedes(other.lines)
  }
}
