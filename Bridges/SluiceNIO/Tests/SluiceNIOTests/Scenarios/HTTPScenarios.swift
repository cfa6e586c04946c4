import NIOCore
import NIOHTTP1
import Testing

/// SwiftNIO's HTTP/1.1 server pipeline, with a client that knows nothing of it.
extension Scenarios {
  @Suite struct HTTP {
    /// Answers with the method, the path and what came in the body.
    private final class Answer: ChannelInboundHandler {
      typealias InboundIn = HTTPServerRequestPart
      typealias OutboundOut = HTTPServerResponsePart
      private var text = ""
      private var body = 0
      private var version = HTTPVersion.http1_1
      private var isLast = false

      func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

      func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
          text = "\(head.method) \(head.uri)"
          version = head.version
          isLast = !head.isKeepAlive
          body = 0
        case .body(let buffer): body += buffer.readableBytes
        case .end:
          let answer = ByteBuffer(string: "\(text) \(body)\n")
          let headers = HTTPHeaders([("content-length", "\(answer.readableBytes)")])
          context.write(wrapOutboundOut(.head(.init(version: version, status: .ok, headers: headers))), promise: nil)
          context.write(wrapOutboundOut(.body(.byteBuffer(answer))), promise: nil)
          context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
          if isLast { context.close(promise: nil) }
        }
      }
    }

    private func converse(_ stage: Stage, _ body: (PlainSocket) throws -> String) async throws {
      let server = try await stage.value(
        stage.server
          .serverChannelInitializer { channel in
            stage.cast(channel, "server")
            return channel.eventLoop.makeSucceededVoidFuture()
          }
          .childChannelInitializer { channel in
            stage.cast(channel, "child")
            return channel.eventLoop.makeCompletedFuture {
              let pipeline = channel.pipeline.syncOperations
              try pipeline.addHandler(Recorder(stage.log, "child", .sums))
              try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
              try pipeline.addHandler(Answer())
            }
          }
          .bind(to: .init(ipAddress: "127.0.0.1", port: 0))
      )
      let peer = try PlainSocket(connectedTo: try #require(server.localAddress))
      for line in try body(peer).split(whereSeparator: \.isNewline) { stage.log.note("answers", String(line)) }
    }

    @Test func aRequestAndTheEnd() async throws {
      let log = try await expectSame { stage in
        try await converse(stage) { peer in
          try peer.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
          return try peer.receive()
        }
      }
      #expect(log.lines(of: "answers").contains("GET /a 0"))
    }

    @Test func requestsThatComeTogetherAreAnsweredInOrder() async throws {
      let log = try await expectSame { stage in
        try await converse(stage) { peer in
          let requests = (0..<20).map { "GET /\($0) HTTP/1.1\r\nHost: x\r\n\r\n" }
          try peer.send(requests.joined() + "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
          return try peer.receive()
        }
      }
      #expect(
        log.lines(of: "answers").filter { $0.hasPrefix("GET") } == (0..<20).map { "GET /\($0) 0" } + ["GET /last 0"]
      )
    }

    @Test func aBodyInPiecesBehindOneAnother() async throws {
      let log = try await expectSame { stage in
        try await converse(stage) { peer in
          try peer.send("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n")
          for _ in 0..<6 { try peer.send(String(repeating: "x", count: 100_000)) }
          try peer.send("GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
          return try peer.receive()
        }
      }
      #expect(log.lines(of: "answers").contains("POST /b 600000"))
    }

    @Test func whatIsNoRequestIsRefused() async throws {
      try await expectSame { stage in
        try await converse(stage) { peer in
          try peer.send("what is this\r\n\r\n")
          return try peer.receive()
        }
      }
    }

    @Test func aClientThatEndsItsOutputIsAnswered() async throws {
      try await expectSame { stage in
        try await converse(stage) { peer in
          try peer.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
          let first = try peer.receive("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nGET /a 0\n".utf8.count)
          peer.endOutput()
          return try first + peer.receive()
        }
      }
    }
  }
}
