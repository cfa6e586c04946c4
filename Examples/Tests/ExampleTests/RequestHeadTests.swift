import HTTP1
import Sluice
import Testing

struct RequestHeadTests {
  private func decode(_ pieces: [[UInt8]], in arena: BufferArena) throws -> [RequestHead] {
    var decoder = RequestHeadDecoder()
    var bytes = ByteQueue()
    var heads: [RequestHead] = []
    for piece in pieces {
      try bytes.append(piece, in: arena)
      while let head = try decoder.decode(&bytes) { heads.append(head) }
    }
    let rest = bytes.count
    #expect(rest == 0)
    return heads
  }

  @Test func headsAreTheSameHoweverTheyCome() throws {
    let arena = try BufferArena()
    let text = """
      \r\nPOST http://x/echo?q HTTP/1.1\r\nhost:x\r\nTransfer-Encoding: Chunked \r\nExpect: 100-continue\r\n\r\n\
      GET / HTTP/1.0\r\nConnection: a, Keep-Alive\r\nRange:\tbytes=0-1\r\nContent-Length: 12\r\nIf-None-Match: "x"\r\n\r\n
      """
    var (post, get) = (RequestHead(), RequestHead())
    (post.method, post.path, post.body, post.expectsContinue) = ("POST", "/echo", .chunked, true)
    (get.method, get.path, get.body, get.isVersion11) = ("GET", "/", .bytes(12), false)
    (get.range, get.ifNoneMatch) = ("bytes=0-1", "\"x\"")
    for pieces in Splits(text) { #expect(try decode(pieces, in: arena) == [post, get]) }
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: x\r\n\tb: c\r\n\r\n", 400),
    ("GET / HTTP/3.0\r\n\r\n", 505),
    ("GET /\u{7F} HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
  ])
  func whatIsRefusedIsRefusedHoweverItComes(_ text: String, code: Int) throws {
    let arena = try BufferArena()
    for pieces in Splits(text) {
      let status = #expect(throws: HTTPStatus.self) { try decode(pieces, in: arena) }
      #expect(status?.code == code)
    }
  }

  @Test func chunksAreTheSameHoweverTheyCome() throws {
    let arena = try BufferArena()
    for pieces in Splits("3;a=b\r\nabc\r\n0B\r\nhello world\r\n00\r\nTrailer: x\r\n\r\n") {
      var decoder = ChunkedDecoder()
      var bytes = ByteQueue()
      var (body, ends) = ([UInt8](), 0)
      for piece in pieces {
        try bytes.append(piece, in: arena)
        while let frame = try decoder.decode(&bytes) {
          switch consume frame {
          case .data(let data): body += data.bytes()
          case .end: ends += 1
          }
        }
      }
      let rest = bytes.count
      #expect(String(decoding: body, as: UTF8.self) == "abchello world" && ends == 1 && rest == 0)
    }
  }

  @Test(arguments: ["g\r\n", "-1\r\n", "\r\n", "1\r\nabc", "ffffffffffffffff\r\n", "1\n", "1\ra\r\n"])
  func chunksThatAreNoneAreRefused(_ text: String) throws {
    let arena = try BufferArena()
    for pieces in Splits(text) {
      var decoder = ChunkedDecoder()
      var bytes = ByteQueue()
      #expect(throws: HTTPStatus.self) {
        for piece in pieces {
          try bytes.append(piece, in: arena)
          while let _ = try decoder.decode(&bytes) {}
        }
      }
    }
  }

  @Test func datesAreThoseOfTheCalendar() {
    #expect(HTTPDate.text(0).elementsEqual("Thu, 01 Jan 1970 00:00:00 GMT".utf8))
    #expect(HTTPDate.text(784_111_777).elementsEqual("Sun, 06 Nov 1994 08:49:37 GMT".utf8))
    #expect(HTTPDate.text(951_782_399).elementsEqual("Mon, 28 Feb 2000 23:59:59 GMT".utf8))
    #expect(HTTPDate.text(951_782_400).elementsEqual("Tue, 29 Feb 2000 00:00:00 GMT".utf8))
    #expect(HTTPDate.text(4_107_542_400).elementsEqual("Mon, 01 Mar 2100 00:00:00 GMT".utf8))
  }

  @Test func pathsAreDecodedOnceAndToTextOnly() {
    func decoded(_ path: String) -> String? {
      var head = RequestHead()
      head.path = path
      return head.decodedPath
    }
    #expect(decoded("/a%20b/%25%32e") == "/a b/%2e" && decoded("/%C3%a4") == "/ä")
    for path in ["/%", "/%2", "/%g0", "/%+0", "/%ff"] { #expect(decoded(path) == nil, "\(path)") }
  }
}
