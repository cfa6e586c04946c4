/// Which views stand in the way: part of ``BufferError/locked(_:)``.
///
/// The answer of this library to a question that the discussion of PEP 3118 left open in 2007: what should a resize do
/// while somebody looks at the memory? It fails, and says who looks.
public struct LockReport: Sendable, Equatable {
  /// How many read views are out.
  public let readers: Int
  /// How many write views are out.
  public let writers: Int
  /// The views that diagnostics have on record, oldest first; empty with diagnostics off. With sampling, a part of them.
  public let holders: [Holder]

  /// Creates a report.
  ///
  /// - Parameters:
  ///   - readers: how many read views are out.
  ///   - writers: how many write views are out.
  ///   - holders: what is known about them, oldest first.
  public init(readers: Int, writers: Int, holders: [Holder] = []) {
    self.readers = readers
    self.writers = writers
    self.holders = holders
  }
}

extension LockReport: CustomStringConvertible {
  /// How many views are out, who took them, and what to do about it.
  public var description: String {
    var parts: [String] = []
    if readers > 0 { parts.append("\(readers) read view\(readers == 1 ? "" : "s")") }
    if writers > 0 { parts.append("\(writers) write view\(writers == 1 ? "" : "s")") }
    var text = "the buffer is locked: \(parts.isEmpty ? "a view" : parts.joined(separator: " and ")) out"
    if !holders.isEmpty {
      text += " (" + holders.map(\.description).joined(separator: "; ") + ")"
    }
    text += "; release first"
    if holders.isEmpty { text += ", or set diagnostics to .everyView to see who holds" }
    return text
  }
}
