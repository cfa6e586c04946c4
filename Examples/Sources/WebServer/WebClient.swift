import HTTP1
import Sluice

/// What the clients of one loop share: the files that are served, if any, what is waited for, and the time in words.
struct Site {
  let files: OpenFiles?
  let requestTimeout: Duration
  let bodyLimit: Int
  var date = HTTPDate()
}

/// Serves one client: reads its requests, and answers those that came together together.
struct WebClient: ~Copyable {
  private let connection: TCPConnection
  private let site: LoopLocal<Site>
  private var reader: ConnectionReader
  private var writer: ConnectionWriter
  private var decoder = RequestHeadDecoder()
  /// Whether something of the response that is due has been written, and whether it is the connection's last one.
  private var (hasBegun, isLast) = (false, false)

  init(_ connection: TCPConnection, site: LoopLocal<Site>) {
    (self.connection, self.site) = (connection, site)
    reader = connection.reader()
    writer = connection.writer()
  }

  /// Returns when the client, the server or an error ends the connection.
  mutating func serve() async throws {
    do {
      while !isLast, let request = try await next() {
        isLast = !request.keepsAlive
        try await answer(request)
      }
    } catch let status as HTTPStatus {
      // Where a response is cut, the client sees a reset.
      if hasBegun { throw status }
      isLast = true
      try await send(ResponseHead(status))
    }
    try await writer.flush()
  }

  /// The next request. Before there is a wait for it, all that was answered goes out.
  private mutating func next() async throws -> RequestHead? {
    hasBegun = false
    if let head = try decoder.decode(&reader.bytes) { return head }
    try await writer.flush()
    guard try await reader.waitForMessage() else { return nil }
    // From its first byte on; what comes too slowly is given up.
    do {
      return try await reader.next(&decoder, timeout: site.withValue { $0.requestTimeout })
    } catch ReadError.connection(let error) where error.kind == .timedOut {
      throw HTTPStatus.requestTimeout
    }
  }

  private mutating func answer(_ request: RequestHead) async throws {
    // What nobody asked for is not read.
    if request.body != .bytes(0), request.path != "/echo" { isLast = true }
    switch (request.path, request.method) {
    case ("/echo", "POST"): try await echo(request)
    case ("/echo", _): try await send(ResponseHead(.methodNotAllowed, allow: "POST"))
    case ("/plaintext", "GET"), ("/plaintext", "HEAD"):
      try await send(ResponseHead(body: .bytes(13), contentType: .text))
      if request.method == "GET" { try writer.output.append("Hello, World!") }
    case (_, "GET"), (_, "HEAD"): try await sendFile(request)
    default: try await send(ResponseHead(.methodNotAllowed, allow: "GET, HEAD"))
    }
    try await writer.flush(ifAtLeast: 64 << 10)
  }

  /// Sends back what comes, as it comes, and in chunks if it comes in chunks.
  private mutating func echo(_ request: RequestHead) async throws {
    var body = try RequestBody(request.body, limit: site.withValue { $0.bodyLimit })
    if request.expectsContinue, reader.bytes.isEmpty {
      try await writer.reserve(64)
      try writer.output.append("HTTP/1.1 100 Continue\r\n\r\n")
      try await writer.flush()
    }
    var piece = try await body.next(from: &reader)
    try await send(ResponseHead(body: request.body, contentType: .bytes))
    while let bytes = piece.take() {
      try await writer.reserve(64)
      if request.body == .chunked { try writer.output.append(chunk: bytes) } else { writer.output.append(bytes) }
      try await writer.flush()
      piece = try await body.next(from: &reader)
    }
    try await writer.reserve(64)
    if request.body == .chunked { try writer.output.append("0\r\n\r\n") }
  }

  /// Answers with a file of the site, or a part of it.
  private mutating func sendFile(_ request: RequestHead) async throws {
    guard let files = site.withValue({ $0.files }), let path = SitePath(request.decodedPath)?.text,
      // What links lead to must be beneath the directory, too.
      let file = try? await files.open(path)
    else { return try await send(ResponseHead(.notFound)) }
    let (seconds, attoseconds) = file.modificationTime.components
    let eTag = "\"\(file.size)-\(seconds).\(attoseconds)\""
    let (head, range) = ResponseHead.answering(request, size: file.size, eTag: eTag, contentType: .ofFile(path))
    guard let range else { return try await send(head) }
    begin()
    try await writer.flush()
    try await connection.send(file, range: range) { output in
      try head.write(to: &output, date: site.withValue { $0.date.current() }, isLast: isLast)
    }
  }

  private mutating func send(_ head: ResponseHead) async throws {
    begin()
    try await writer.reserve(512)
    try head.write(to: &writer.output, date: site.withValue { $0.date.current() }, isLast: isLast)
  }

  private mutating func begin() {
    hasBegun = true
    isLast = isLast || connection.isStopping
  }
}
