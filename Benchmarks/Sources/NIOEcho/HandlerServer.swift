import NIOCore
import NIOPosix

/// The server of the handler mode.
struct HandlerServer {
  let options: NIOEcho
  let totals: Totals

  /// Serves until a signal comes, then closes everything.
  func run(until signals: StopSignals) throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: options.loops)
    let bootstrap = options.bootstrap(group)
    let totals = totals
    let listener: any Channel
    if options.fanOut {
      let loop = group.next()
      let hub = NIOLoopBoundBox.makeBoxSendingValue(FanOutHub(loop: loop), eventLoop: loop)
      listener = try bootstrap.childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(FanOutHandler(hub: hub.value, totals: totals))
        }
      }.bind(host: options.host, port: Int(options.port)).wait()
    } else {
      listener = try bootstrap.childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(EchoHandler(totals: totals))
        }
      }.bind(host: options.host, port: Int(options.port)).wait()
    }
    options.announce(listener.localAddress)
    signals.wait()
    // Closes the listener and all connections on the way.
    try group.syncShutdownGracefully()
  }
}
