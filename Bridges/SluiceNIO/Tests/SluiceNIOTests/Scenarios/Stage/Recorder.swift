import NIOCore

/// Notes every event of a channel. Stands next to the network.
final class Recorder: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = IOData

  /// What is noted.
  enum Detail: Sendable {
    /// Every event.
    case all
    /// How many bytes came between other events, and no wish to read or to write: how a long stream is cut is for the kernel to
    /// choose.
    case sums
    /// The same, and neither water marks nor wishes to close: for what depends on the pace of the kernel or of tasks.
    case pace
    /// As `pace`, and nothing of the bytes: for streams that are cut somewhere.
    case ends
  }

  private let log: ScenarioLog
  private let track: String
  private let detail: Detail
  private let readsChannels: Bool
  private var sum = 0

  init(_ log: ScenarioLog, _ track: String, _ detail: Detail = .all, readsChannels: Bool = false) {
    self.log = log
    self.track = track
    self.detail = detail
    self.readsChannels = readsChannels
  }

  private func note(_ line: String) {
    if sum > 0 { log.note(track, "received \(sum) bytes in all") }
    sum = 0
    log.note(track, line)
  }

  private func noteDetail(_ line: String) {
    if detail == .all { note(line) }
  }

  // MARK: Inbound

  func handlerRemoved(context: ChannelHandlerContext) { note("removed, \(state(context))") }

  func channelRegistered(context: ChannelHandlerContext) {
    note("registered, \(state(context))")
    context.fireChannelRegistered()
  }

  func channelUnregistered(context: ChannelHandlerContext) {
    note("unregistered, \(state(context))")
    context.fireChannelUnregistered()
  }

  func channelActive(context: ChannelHandlerContext) {
    note("active, \(state(context))")
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    note("inactive, \(state(context))")
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if readsChannels {
      note("accepted")
    } else {
      let buffer = unwrapInboundIn(data)
      switch detail {
      case .all: note("received \(String(buffer: buffer))")
      case .sums, .pace: sum += buffer.readableBytes
      case .ends: break
      }
    }
    context.fireChannelRead(data)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    noteDetail("read complete")
    context.fireChannelReadComplete()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if detail == .all || detail == .sums { note("writable: \(context.channel.isWritable)") }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    note("event \(event)")
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    note("caught \(describe(error))")
    context.fireErrorCaught(error)
  }

  // MARK: Outbound

  func read(context: ChannelHandlerContext) {
    noteDetail("wants to read")
    context.read()
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    noteDetail("writes \(unwrapOutboundIn(data).readableBytes)")
    context.write(data, promise: promise)
  }

  func flush(context: ChannelHandlerContext) {
    noteDetail("flushes")
    context.flush()
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    if detail == .all || detail == .sums { note("closes \(mode)") }
    context.close(mode: mode, promise: promise)
  }

  private func state(_ context: ChannelHandlerContext) -> String {
    let channel = context.channel
    let addresses = [channel.localAddress, channel.remoteAddress].map { $0 == nil ? "-" : "+" }.joined()
    return "\(channel.isActive ? "is active" : "is not active"), addresses \(addresses)"
  }
}
