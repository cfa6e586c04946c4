public import Sluice

extension DNSQuery {
  /// What passes through networks without being cut into pieces, as a rule; no reply has more bytes.
  public static let largestReply = 1232

  /// Writes a reply with authority over the name. Without the records, and it says so, if it would be larger than the sender
  /// takes, or than ``largestReply``.
  ///
  /// - Parameters:
  ///   - code: how it went.
  ///   - records: what the name of the question has.
  ///   - timeToLive: how many seconds they may be remembered.
  ///   - message: that of the query.
  ///   - reply: where to.
  /// - Throws: as `PooledBuffer` when it has no room.
  public func reply(
    _ code: DNSResponseCode,
    records: [DNSRecord],
    timeToLive: UInt32,
    to message: RawSpan,
    into reply: inout PooledBuffer
  ) throws(BufferError) {
    let optionBytes = size == nil ? 0 : 11
    let bytes = records.reduce(Self.headerBytes + question.count + optionBytes) { $0 + 12 + $1.data.count }
    let isTruncated = bytes > min(max(size ?? 512, 512), Self.largestReply)
    let records = isTruncated ? [] : records
    // Authoritative, and with what the query says of recursion, which there is none of.
    var flags: UInt16 = 0x8000 | opcode << 11 | code.rawValue & 0xF
    if opcode == 0 { flags |= 0x0400 }
    if isTruncated { flags |= 0x0200 }
    if wantsRecursion { flags |= 0x0100 }
    for number in [id, flags, question.isEmpty ? 0 : 1, UInt16(records.count), 0, size == nil ? 0 : 1] {
      try reply.append(number)
    }
    try reply.append(message.extracting(question))
    for record in records {
      // The name is that of the question: a pointer to it.
      for number in [0xC000 | UInt16(Self.headerBytes), record.type, 1] { try reply.append(number) }
      try reply.append(timeToLive)
      try reply.append(UInt16(record.data.count))
      try reply.append(contentsOf: record.data)
    }
    guard size != nil else { return }
    try reply.append(UInt8(0))
    try reply.append(Self.typeOPT)
    try reply.append(UInt16(Self.largestReply))
    try reply.append(UInt32(code.rawValue >> 4) << 24)
    try reply.append(UInt16(0))
  }
}
