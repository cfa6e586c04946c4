/// Which bytes of a file a client wants: RFC 9110, 14.1.2.
public enum ByteRange: Equatable, Sendable {
  /// All of them; also if the field is not understood, or asks for several parts.
  case whole
  /// These, of which there is at least one.
  case part(Range<Int>)
  /// There are no such bytes.
  case unsatisfiable

  /// What a field Range says of so many bytes; nil: there is no such field.
  public init(_ field: String?, of size: Int) {
    self = .whole
    guard let field, field.hasPrefix("bytes="), !field.contains(",") else { return }
    let ends = field.dropFirst(6).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard ends.count == 2, ends.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }) else { return }
    switch (Int(ends[0]), Int(ends[1])) {
    case (let first?, nil) where ends[1].isEmpty: self = first < size ? .part(first..<size) : .unsatisfiable
    case (let first?, let last?) where first <= last:
      self = first < size ? .part(first..<min(size, last + 1)) : .unsatisfiable
    case (nil, let count?) where ends[0].isEmpty:
      self = count > 0 && size > 0 ? .part(max(0, size - count)..<size) : .unsatisfiable
    default: return
    }
  }
}
