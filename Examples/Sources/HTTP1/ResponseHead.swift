public import Sluice

/// The head of a response.
public struct ResponseHead {
  /// What became of the request.
  public var status: HTTPStatus
  /// Of the body that follows, or would if this were no answer to HEAD. Nil: there is none, and nothing is said of it.
  public var body: BodyLength?
  /// The field Content-Type.
  public var contentType: MediaType?
  /// The field Content-Range.
  public var contentRange: String?
  /// The field ETag.
  public var eTag: String?
  /// The field Allow.
  public var allow: StaticString?
  /// Whether ranges may be asked for.
  public var acceptsRanges = false

  /// A head with what most responses have.
  public init(
    _ status: HTTPStatus = .ok,
    body: BodyLength? = .bytes(0),
    contentType: MediaType? = nil,
    allow: StaticString? = nil
  ) {
    (self.status, self.body, self.contentType, self.allow) = (status, body, contentType, allow)
  }

  /// Answers a request for something that a tag is known of: with all of it, with the part that is asked for, or with why
  /// not (RFC 9110, 13 and 14).
  ///
  /// - Parameters:
  ///   - request: GET or HEAD.
  ///   - size: how many bytes there are.
  ///   - eTag: changes with them; in its quotation marks.
  ///   - contentType: what they are.
  /// - Returns: the head, and which of the bytes are to follow; nil: none.
  public static func answering(
    _ request: RequestHead,
    size: Int,
    eTag: String,
    contentType: MediaType
  ) -> (head: ResponseHead, range: Range<Int>?) {
    var head = ResponseHead(body: .bytes(size), contentType: contentType)
    (head.eTag, head.acceptsRanges) = (eTag, true)
    if let tags = request.ifNoneMatch, tags == "*" || tags.contains(eTag) {
      (head.status, head.body) = (.notModified, nil)
      return (head, nil)
    }
    if request.method == "HEAD" { return (head, nil) }
    switch ByteRange((request.ifRange ?? eTag) == eTag ? request.range : nil, of: size) {
    case .whole: return (head, 0..<size)
    case .part(let part):
      (head.status, head.body) = (.partialContent, .bytes(part.count))
      head.contentRange = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)"
      return (head, part)
    case .unsatisfiable:
      head = ResponseHead(.rangeNotSatisfiable)
      head.contentRange = "bytes */\(size)"
      return (head, nil)
    }
  }

  /// Appends the head.
  ///
  /// - Parameters:
  ///   - output: where to; 512 bytes are enough as a rule.
  ///   - date: the time now.
  ///   - isLast: whether the connection ends behind this response.
  /// - Throws: as `OutputBytes`.
  public func write(to output: inout OutputBytes, date: [UInt8], isLast: Bool) throws(BufferError) {
    try output.append("HTTP/1.1 ")
    try output.append(decimal: status.code)
    try output.append(" ")
    try output.append(status.reason)
    try output.append("\r\nServer: sluice\r\nDate: ")
    try output.append(date)
    switch body {
    case nil: break
    case .bytes(let count):
      try output.append("\r\nContent-Length: ")
      try output.append(decimal: count)
    case .chunked: try output.append("\r\nTransfer-Encoding: chunked")
    }
    if let contentType {
      try output.append("\r\nContent-Type: ")
      try output.append(contentType.text)
    }
    if let contentRange {
      try output.append("\r\nContent-Range: ")
      try output.append(contentRange)
    }
    if let eTag {
      try output.append("\r\nETag: ")
      try output.append(eTag)
    }
    if let allow {
      try output.append("\r\nAllow: ")
      try output.append(allow)
    }
    if acceptsRanges { try output.append("\r\nAccept-Ranges: bytes") }
    if isLast { try output.append("\r\nConnection: close") }
    try output.append("\r\n\r\n")
  }
}
