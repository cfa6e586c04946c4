import Glibc

/// A record of a zone: a name, and one thing that it has.
public struct DNSRecord: Sendable {
  /// The name in the form that messages have it, in small letters.
  public let name: [UInt8]
  /// The number of the type: 1 for A, 16 for TXT, 28 for AAAA.
  public let type: UInt16
  /// The data as messages have them.
  public let data: [UInt8]

  /// A record as it is in a zone file: `www.example.test A 192.0.2.1`.
  ///
  /// - Parameter text: a name, A, AAAA or TXT, and what the name has. Nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: " ", maxSplits: 2).map(String.init)
    guard parts.count == 3, let name = DNSRecord.name(parts[0]) else { return nil }
    let (type, data): (UInt16, [UInt8]?) =
      switch parts[1].uppercased() {
      case "A": (1, DNSRecord.address(parts[2], AF_INET, 4))
      case "AAAA": (28, DNSRecord.address(parts[2], AF_INET6, 16))
      case "TXT": (16, DNSRecord.strings(Array(parts[2].utf8)))
      default: (0, nil)
      }
    guard let data, data.count <= 65_535 else { return nil }
    (self.name, self.type, self.data) = (name, type, data)
  }

  private static func name(_ text: String) -> [UInt8]? {
    let labels = text.lowercased().split(separator: ".")
    guard labels.allSatisfy({ $0.utf8.count < 64 }) else { return nil }
    let name = labels.reduce(into: [UInt8]()) { $0 += [UInt8($1.utf8.count)] + $1.utf8 } + [0]
    return name.count <= 255 ? name : nil
  }

  private static func address(_ text: String, _ family: Int32, _ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    // The call writes as many bytes as an address of the family has.
    return unsafe inet_pton(family, text, &bytes) == 1 ? bytes : nil
  }

  /// Strings of at most 255 bytes each.
  private static func strings(_ text: [UInt8]) -> [UInt8] {
    stride(from: 0, to: text.count, by: 255).flatMap { start in
      let part = text[start..<min(start + 255, text.count)]
      return [UInt8(part.count)] + part
    }
  }
}
