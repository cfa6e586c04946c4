import Sluice

/// How a query went: RFC 1035, 4.1.1, and RFC 6891, 9.
public enum DNSResponseCode: UInt16, Sendable {
  /// It was answered.
  case noError = 0
  /// It breaks the rules.
  case formatError = 1
  /// There is no such name.
  case nonexistentName = 3
  /// It is another kind of request.
  case notImplemented = 4
  /// It is of no concern here.
  case refused = 5
  /// It is of a later version of EDNS.
  case badVersion = 16
}

/// A question that came in a datagram, whose every byte the sender chose (RFC 1035, 4.1).
public struct DNSQuery: Sendable {
  /// The bytes are no query.
  private struct Malformed: Error {}

  static let headerBytes = 12
  static let typeOPT: UInt16 = 41

  let id: UInt16
  let opcode: UInt16
  let wantsRecursion: Bool
  /// Where the question is in the message; empty if there is none.
  private(set) var question = 0..<0
  /// The most bytes that the sender takes; nil: it knows no EDNS.
  private(set) var size: Int?
  /// Whether it can be answered, and why not.
  public private(set) var code = DNSResponseCode.noError
  /// The name as it is in the message, its letters made small.
  public private(set) var name: [UInt8] = []
  /// The number of the type that is asked for.
  public private(set) var type: UInt16 = 0

  /// Nil for what must not be answered: it is no message, or it is a response itself.
  public init?(_ message: RawSpan) {
    guard let id = try? message.load(at: 0, as: UInt16.self), let flags = try? message.load(at: 2, as: UInt16.self),
      message.byteCount >= DNSQuery.headerBytes, flags & 0x8000 == 0
    else { return nil }
    self.id = id
    opcode = flags >> 11 & 0xF
    wantsRecursion = flags & 0x0100 != 0
    if opcode != 0 {
      code = .notImplemented
    } else if (try? read(message)) == nil {
      code = .formatError
    }
  }

  private mutating func read(_ message: RawSpan) throws {
    var records = 0
    for (place, most) in [(4, 1), (6, 0), (8, 0), (10, 1 << 16)] {
      records = Int(try message.load(at: place, as: UInt16.self))
      guard records <= most, place > 4 || records == 1 else { throw Malformed() }
    }
    var offset = DNSQuery.headerBytes
    name = try DNSQuery.name(in: message, at: &offset)
    type = try message.load(at: offset)
    let category: UInt16 = try message.load(at: offset + 2)
    offset += 4
    question = DNSQuery.headerBytes..<offset
    // Each takes eleven bytes at least, so a count that lies ends with the message.
    for _ in 0..<records { try readAdditional(message, at: &offset) }
    guard offset == message.byteCount else { throw Malformed() }
    // The Internet's.
    if code == .noError, category != 1 { code = .refused }
  }

  private mutating func readAdditional(_ message: RawSpan, at offset: inout Int) throws {
    let name = try DNSQuery.name(in: message, at: &offset, allowingPointer: true)
    let type: UInt16 = try message.load(at: offset)
    let category: UInt16 = try message.load(at: offset + 2)
    let version = UInt8(truncatingIfNeeded: try message.load(at: offset + 4, as: UInt32.self) >> 16)
    offset += 10 + Int(try message.load(at: offset + 8, as: UInt16.self))
    guard offset <= message.byteCount else { throw Malformed() }
    guard type == DNSQuery.typeOPT else { return }
    guard size == nil, name == [0] else { throw Malformed() }
    size = Int(category)
    if version != 0 { code = .badVersion }
  }

  /// The name at an offset, which moves behind it. Pointers are not followed, so that none can lead in circles: a question has
  /// no place that one could point to, and of other records the name does not matter.
  private static func name(
    in message: RawSpan,
    at offset: inout Int,
    allowingPointer: Bool = false
  ) throws -> [UInt8] {
    var name: [UInt8] = []
    while true {
      let length = try message.load(at: offset, as: UInt8.self)
      if allowingPointer, length >= 0xC0 {
        offset += 2
        return name
      }
      guard length < 64, name.count + Int(length) < 255 else { throw Malformed() }
      for place in offset...offset + Int(length) {
        let byte: UInt8 = try message.load(at: place)
        name.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte)
      }
      offset += 1 + Int(length)
      if length == 0 { return name }
    }
  }
}
