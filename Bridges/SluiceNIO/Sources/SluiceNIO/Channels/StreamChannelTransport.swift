internal import IOBuffers
internal import Synchronization
@_spi(Bridging) internal import URingBackend

/// Carries the events of a connection to its channel, for as long as there is one: the connection may outlive it, while what the
/// channel has written goes out.
final class StreamChannelTransport: StreamTransport, @unchecked Sendable {
  // Why unchecked: as its superclass.
  private let attached: RingStreamChannel
  private let isAttached = Atomic<Bool>(true)

  private var channel: RingStreamChannel? { isAttached.load(ordering: .relaxed) ? attached : nil }

  init(_ channel: RingStreamChannel) {
    attached = channel
    super.init(on: channel.loop.sluice)
  }

  func forgetChannel() { isAttached.store(false, ordering: .relaxed) }

  override func received(_ view: consuming ReadView) { channel?.received(view) }

  override func inputEnded() { channel?.inputEnded() }

  override func sent(_ count: Int) { channel?.sent(count) }

  override func broken(_ error: SocketError) { channel?.broken(error) }

  override func closed() { forgetChannel() }
}
