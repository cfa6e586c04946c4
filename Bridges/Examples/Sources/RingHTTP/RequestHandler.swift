import NIOCore
import NIOHTTP1

/// Answers requests, of a connection of HTTP/1.1 or a stream of HTTP/2.
///
/// What is unsent is bounded: a large answer is written while the channel is writable, and a body that is sent back is not read
/// while it is not.
final class RequestHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private enum Answer {
    case none
    case hello
    case bytes(Int)
    case slow(TimeAmount)
    case echo
    case notFound
  }

  private var answer = Answer.none
  /// Of an answer of many bytes: where it is, and where it ends.
  private var place = 0
  private var end = 0
  private var isSending = false
  /// Whether an answer is due, or on its way.
  private var isAnswering = false
  /// Whether the client wants no other answer.
  private var closes = false
  /// When the last answer is sent.
  private var sent: EventLoopFuture<Void>?

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      answer = Self.answer(head)
      isAnswering = true
      closes = head.version.major == 1 && !head.isKeepAlive
      if case .echo = answer { beginEcho(head, context) }
    case .body(let bytes):
      if case .echo = answer { context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil) }
    case .end: respond(context)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    context.flush()
    context.fireChannelReadComplete()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if place < end {
      sendBytes(context)
    } else if case .echo = answer {
      pauseReading(!context.channel.isWritable, context)
    }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
    // Closing before the last answer is sent would drop the rest of it.
    guard !isAnswering else { return closes = true }
    guard let sent else { return context.close(promise: nil) }
    sent.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private static func answer(_ head: HTTPRequestHead) -> Answer {
    let parts = head.uri.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    switch (parts.first, parts.dropFirst().first.flatMap { Int($0) }) {
    case ("hello", nil): return .hello
    case ("echo", nil): return .echo
    case ("bytes", let count?) where (0...1 << 30).contains(count): return .bytes(count)
    case ("slow", let milliseconds?) where (0...60_000).contains(milliseconds):
      return .slow(.milliseconds(Int64(milliseconds)))
    default: return .notFound
    }
  }

  private func respond(_ context: ChannelHandlerContext) {
    switch answer {
    case .none: return
    case .hello: send("Hello, World!", .ok, context)
    case .notFound: send("not found\n", .notFound, context)
    case .slow(let time):
      context.eventLoop.assumeIsolated().scheduleTask(in: time) {
        guard context.channel.isActive else { return }
        self.send("Hello, World!", .ok, context)
        context.flush()
      }
    case .bytes(let count):
      place = 0
      end = count
      sendHead(.ok, length: count, context)
      sendBytes(context)
    case .echo:
      pauseReading(false, context)
      sendEnd(context)
    }
    answer = .none
  }

  private func send(_ text: StaticString, _ status: HTTPResponseStatus, _ context: ChannelHandlerContext) {
    sendHead(status, length: text.utf8CodeUnitCount, context)
    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(staticString: text)))), promise: nil)
    sendEnd(context)
  }

  private func sendHead(_ status: HTTPResponseStatus, length: Int, _ context: ChannelHandlerContext) {
    var fields = HTTPHeaders([("content-length", String(length)), ("content-type", "application/octet-stream")])
    if closes { fields.add(name: "connection", value: "close") }
    context.write(
      wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: fields))),
      promise: nil
    )
  }

  private func sendEnd(_ context: ChannelHandlerContext) {
    let promise = context.eventLoop.makePromise(of: Void.self)
    sent = promise.futureResult
    isAnswering = false
    if closes { promise.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) } }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: promise)
  }

  // MARK: Large answers

  /// 256 times the bytes 0 to 250, of which every answer is made.
  private static let pattern = ByteBuffer(bytes: (0..<251 * 256).map { UInt8($0 % 251) })

  private func sendBytes(_ context: ChannelHandlerContext) {
    // A write that makes the channel unwritable, or a flush that makes it writable, calls in here again.
    guard !isSending else { return }
    isSending = true
    while place < end, context.channel.isWritable {
      let count = min(end - place, Self.pattern.readableBytes)
      guard let piece = Self.pattern.getSlice(at: Self.pattern.readerIndex, length: count) else { return }
      place += count
      context.write(wrapOutboundOut(.body(.byteBuffer(piece))), promise: nil)
      context.flush()
    }
    isSending = false
    // The next request of a pipeline comes from within.
    if place == end { sendEnd(context) }
  }

  // MARK: Bodies that are sent back

  private func beginEcho(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    var fields = HTTPHeaders([("content-type", "application/octet-stream")])
    if let length = head.headers.first(name: "content-length") { fields.add(name: "content-length", value: length) }
    if closes { fields.add(name: "connection", value: "close") }
    context.write(
      wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: fields))),
      promise: nil
    )
  }

  private func pauseReading(_ isPaused: Bool, _ context: ChannelHandlerContext) {
    do {
      try context.channel.syncOptions?.setOption(.autoRead, value: !isPaused)
      // The streams of HTTP/2 do not begin again by themselves.
      if !isPaused { context.read() }
    } catch {
      context.close(promise: nil)
    }
  }
}
