import DNSMessages
import Sluice
import Testing

@testable import NameServer

struct ZoneTests {
  private static let question: [UInt8] = [3, 0x57, 0x77, 0x77, 4] + Array("test".utf8) + [0, 0, 1, 0, 1]
  private static let option: [UInt8] = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]
  private static let query: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1] + question + option

  /// The reply; nil if there is none.
  private func answer(_ message: [UInt8], _ records: [String] = ["www.test A 192.0.2.1"]) throws -> [UInt8]? {
    let zone = Zone(records.compactMap(DNSRecord.init(_:)))
    let arena = try BufferArena()
    var bytes = ByteQueue()
    try bytes.append(message, in: arena)
    var reply = try arena.allocate(minimumCapacity: 2048)
    let isAnswered = try bytes.withBytes { bytes throws(BufferError) in try zone.answer(bytes, into: &reply) }
    return isAnswered ? ByteQueue(try reply.finish()).bytes() : nil
  }

  @Test func aReplyHasTheQuestionAsItCame() throws {
    let answer: [UInt8] = [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]
    let header: [UInt8] = [0x12, 0x34, 0x85, 0, 0, 1, 0, 1, 0, 0, 0, 1]
    #expect(try self.answer(Self.query) == header + Self.question + answer + Self.option)
  }

  @Test func whatIsCutIsNoQuery() throws {
    for count in 0..<Self.query.count {
      let reply = try answer(Array(Self.query[..<count]))
      #expect(count < 12 ? reply == nil : reply?[3] == 1, "\(count) bytes")
    }
  }

  @Test func namesAboveANameExist() throws {
    var query = Self.query
    #expect(try answer(query, ["a.www.test A 192.0.2.1"])?[3] == 0)
    #expect(try answer(query, ["awww.test A 192.0.2.1"])?[3] == 3)
    // Nobody else's are known.
    query[13] = 0x78
    #expect(try answer(query)?[3] == 3)
  }

  @Test func recordsThatAreNoneAreRefused() {
    for text in [
      "", "a", "a A", "a A 1.2.3", "a A 1.2.3.4.5", "a A ::1", "a AAAA 1.2.3.4", "a MX b",
      "\(String(repeating: "a", count: 64)) A 1.2.3.4",
      "\(String(repeating: "a.", count: 128)) A 1.2.3.4",
    ] {
      #expect(DNSRecord(text) == nil, "\(text)")
    }
    #expect(DNSRecord(". aaaa ::1")?.name == [0])
  }
}
