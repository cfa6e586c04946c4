import DNSMessages
import Sluice

/// What is answered to whom.
struct Zone: Sendable {
  private var records: [[UInt8]: [DNSRecord]] = [:]

  init(_ records: [DNSRecord]) {
    for record in records {
      self.records[record.name, default: []].append(record)
      // The names above it exist, and have nothing of their own.
      var above = record.name[...]
      while let length = above.first, length > 0 {
        above = above.dropFirst(Int(length) + 1)
        self.records[Array(above), default: []] += []
      }
    }
  }

  /// Writes the reply to a message.
  ///
  /// - Returns: false, and nothing is written, if there is to be none.
  func answer(_ message: RawSpan, into reply: inout PooledBuffer) throws(BufferError) -> Bool {
    guard let query = DNSQuery(message) else { return false }
    let found = query.code == .noError ? records[query.name] : []
    let answers = found?.filter { $0.type == query.type } ?? []
    let code = found == nil ? .nonexistentName : query.code
    try query.reply(code, records: answers, timeToLive: 60, to: message, into: &reply)
    return true
  }
}
