import NIOCore
import NIOPosix

/// The server of datagrams: one socket, one loop.
struct DatagramServer {
  let options: NIOEcho
  let totals: Totals

  /// Serves until a signal comes, then closes everything.
  ///
  /// Vector reads (recvmmsg(2)) take up to 32 datagrams of 2 KiB with one call.
  func run(until signals: StopSignals) throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let totals = totals
    var bootstrap = DatagramBootstrap(group: group)
    let vector = options.tuning.vectorReads
    if vector > 1 {
      bootstrap =
        bootstrap
        .channelOption(.datagramVectorReadMessageCount, value: vector)
        .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: vector * 2048))
    }
    let socket =
      try bootstrap
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(DatagramEchoHandler(totals: totals))
        }
      }.bind(host: options.host, port: Int(options.port)).wait()
    options.announce(socket.localAddress)
    signals.wait()
    try group.syncShutdownGracefully()
  }
}

/// Sends each datagram back to where it came from, and flushes once for all that one wake-up brought.
final class DatagramEchoHandler: ChannelInboundHandler {
  typealias InboundIn = AddressedEnvelope<ByteBuffer>
  typealias OutboundOut = AddressedEnvelope<ByteBuffer>

  private let totals: Totals
  private var messages = 0
  private var bytes = 0

  init(totals: Totals) {
    self.totals = totals
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let datagram = unwrapInboundIn(data)
    messages += 1
    bytes += datagram.data.readableBytes
    let answer = AddressedEnvelope(remoteAddress: datagram.remoteAddress, data: datagram.data)
    context.write(wrapOutboundOut(answer), promise: nil)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    context.flush()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A datagram socket goes on: what one peer brought about is not the others' end.
  }

  func channelInactive(context: ChannelHandlerContext) {
    totals.add(messages: messages, bytes: bytes)
    context.fireChannelInactive()
  }
}
