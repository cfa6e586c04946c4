import ArgumentParser
import NIOCore
import NIOHTTP1
import NIOWebSocket
import Serving

/// Sends back each message, with a channel handler behind the upgrade of a request of HTTP/1.1.
@main
struct RingWebSocket: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A WebSocket echo server of SwiftNIO, on the ring or on SwiftNIO's own loops."
  )

  @OptionGroup var options: ServingOptions

  func run() async throws {
    try await options.serve("RingWebSocket") { channel in
      let upgrader = NIOWebSocketServerUpgrader(
        maxFrameSize: 1 << 24,
        shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
        upgradePipelineHandler: { channel, _ in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(WebSocketEchoHandler())
          }
        }
      )
      return channel.eventLoop.makeCompletedFuture {
        let refusal = RefusalHandler()
        let unbound = NIOLoopBound(refusal, eventLoop: channel.eventLoop)
        let upgrade: NIOHTTPServerUpgradeConfiguration = (
          upgraders: [upgrader],
          completionHandler: { context in
            context.pipeline.syncOperations.removeHandler(unbound.value, promise: nil)
          }
        )
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(withServerUpgrade: upgrade)
        try channel.pipeline.syncOperations.addHandler(refusal)
      }
    }
  }
}

/// Answers requests that are no upgrade.
final class RefusalHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .end = unwrapInboundIn(data) else { return }
    let fields = HTTPHeaders([("content-length", "0"), ("connection", "close"), ("upgrade", "websocket")])
    let head = HTTPResponseHead(version: .http1_1, status: .upgradeRequired, headers: fields)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    let sent = context.eventLoop.makePromise(of: Void.self)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: sent)
    sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
