import Sluice

/// Reads the lines of a head, one by one.
struct RequestHeadParser {
  private var head = RequestHead()
  private var length: Int?
  private var isChunked = false
  private var hasHost = false
  private var count = 0

  mutating func readRequestLine(_ line: RawSpan) throws(HTTPStatus) {
    guard let methodEnd = line.firstIndex(of: UInt8(ascii: " ")),
      let targetEnd = line.firstIndex(of: UInt8(ascii: " "), from: methodEnd + 1)
    else { throw .badRequest }
    let version = line.extracting(targetEnd + 1..<line.byteCount)
    guard version.byteCount == 8, version.starts(with: "HTTP/"), version[checked: 6] == UInt8(ascii: ".") else {
      throw .badRequest
    }
    guard version[checked: 5] == UInt8(ascii: "1") else { throw .versionNotSupported }
    head.isVersion11 = version[checked: 7] != UInt8(ascii: "0")
    head.keepsAlive = head.isVersion11

    let method = line.extracting(0..<methodEnd)
    guard method.allSatisfy(\.isTokenByte), let text = method.text(), !text.isEmpty else { throw .badRequest }
    head.method = text
    head.path = try RequestHeadParser.path(line.extracting(methodEnd + 1..<targetEnd))
  }

  mutating func readField(_ line: RawSpan) throws(HTTPStatus) {
    count += 1
    guard count <= RequestHeadDecoder.mostFields else { throw .headersTooLarge }
    // Refuses blanks before the colon, and lines that go on the one before (section 5).
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0,
      line.extracting(0..<colon).allSatisfy(\.isTokenByte)
    else { throw .badRequest }
    let name = line.extracting(0..<colon)
    let value = line.extracting(colon + 1..<line.byteCount).trimmed
    if name.equalsIgnoringASCIICase("host") {
      guard !hasHost else { throw .badRequest }
      hasHost = true
    } else if name.equalsIgnoringASCIICase("content-length") {
      guard length == nil, let number = value.decimal() else { throw .badRequest }
      length = number
    } else if name.equalsIgnoringASCIICase("transfer-encoding") {
      guard !isChunked, head.isVersion11 else { throw .badRequest }
      guard value.equalsIgnoringASCIICase("chunked") else { throw .notImplemented }
      isChunked = true
    } else if name.equalsIgnoringASCIICase("connection") {
      if value.contains(word: "close") {
        head.keepsAlive = false
      } else if !head.isVersion11, value.contains(word: "keep-alive") {
        head.keepsAlive = true
      }
    } else if name.equalsIgnoringASCIICase("expect") {
      guard value.equalsIgnoringASCIICase("100-continue") else { throw .expectationFailed }
      head.expectsContinue = head.isVersion11
    } else if name.equalsIgnoringASCIICase("range") {
      head.range = value.text()
    } else if name.equalsIgnoringASCIICase("if-range") {
      head.ifRange = value.text()
    } else if name.equalsIgnoringASCIICase("if-none-match") {
      head.ifNoneMatch = value.text()
    }
  }

  consuming func finish() throws(HTTPStatus) -> RequestHead {
    // Who sends both means to have one of them overlooked (section 6.3).
    guard hasHost || !head.isVersion11, length == nil || !isChunked else { throw .badRequest }
    head.body = isChunked ? .chunked : .bytes(length ?? 0)
    return head
  }

  /// The path of a target, which may be a whole address, without the query.
  private static func path(_ target: RawSpan) throws(HTTPStatus) -> String {
    var path = target
    if target.starts(with: "http://") {
      guard let slash = target.firstIndex(of: UInt8(ascii: "/"), from: 7) else { return "/" }
      path = target.extracting(slash..<target.byteCount)
    }
    let end = path.firstIndex(of: UInt8(ascii: "?")) ?? path.byteCount
    guard let text = path.extracting(0..<end).text(), text.hasPrefix("/") || text == "*" else { throw .badRequest }
    return text
  }
}

extension UInt8 {
  /// What names are made of: RFC 9110, 5.6.2.
  fileprivate var isTokenByte: Bool {
    switch self {
    case 0x30...0x39, 0x41...0x5A, 0x5E...0x7A, 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x7C, 0x7E: true
    default: false
    }
  }
}

extension RawSpan {
  func allSatisfy(_ isGood: (UInt8) -> Bool) -> Bool {
    for offset in 0..<byteCount where !isGood(self[checked: offset]) { return false }
    return true
  }

  /// Without the blanks around it.
  fileprivate var trimmed: RawSpan {
    @_lifetime(copy self)
    get {
      var (start, end) = (0, byteCount)
      while start < end, self[checked: start] == 0x20 || self[checked: start] == 0x09 { start += 1 }
      while start < end, self[checked: end - 1] == 0x20 || self[checked: end - 1] == 0x09 { end -= 1 }
      return extracting(start..<end)
    }
  }

  /// Whether a word is one of those between commas.
  fileprivate func contains(word: StaticString) -> Bool {
    var start = 0
    while start <= byteCount {
      let end = firstIndex(of: UInt8(ascii: ","), from: start) ?? byteCount
      if extracting(start..<end).trimmed.equalsIgnoringASCIICase(word) { return true }
      start = end + 1
    }
    return false
  }
}
