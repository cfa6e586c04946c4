public import IOBuffers
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// One connection of a stream socket, as the channel of another event system keeps it.
///
/// Subclasses override what happens, and ask for what is to be done. From `EventLoop.connect` or `EventLoop.adopt` until `closed`
/// the loop keeps a reference. Everything here, on both sides, is for the loop's thread; requests are carried out at the end of
/// the turn, so that any of them may be made out of any event. Not part of the stable interface.
@_spi(Bridging)
@safe
open class StreamTransport: @unchecked Sendable {
  // Why unchecked: references travel in closures that hop to the loop; every method runs there.

  // Constants and an atomic: a stored variable of a class would be checked for exclusive access at each use.
  private let engine: StreamEngine?
  /// The connection's, or `none`.
  private let place = Atomic<Int>(StreamTransport.none)
  private static var none: Int { -1 }
  /// The loop that it lives on.
  public let loop: EventLoop

  /// A transport without a connection. On the loop's thread.
  public init(on loop: EventLoop) {
    self.loop = loop
    engine = loop.streams
  }

  // MARK: Events

  /// The connection stands.
  open func opened() {}
  /// Bytes have come.
  open func received(_ view: consuming ReadView) {}
  /// The peer has ended its stream. Sending still works.
  open func inputEnded() {}
  /// The kernel has taken so many more of the bytes that were sent, in their order.
  open func sent(_ count: Int) {}
  /// The connection is broken, or its loop ends: nothing can be received or sent any more. Told at the end of a turn. It
  /// must still be closed.
  open func broken(_ error: SocketError) {}
  /// The descriptor is closed and all memory is back. The last event.
  open func closed() {}

  // MARK: Requests

  /// Queues a view for sending, from where it lies.
  ///
  /// - Returns: false when it was refused because output is over; the view is released then.
  @discardableResult
  public final func send(_ view: consuming ReadView) -> Bool {
    let detached = view.detach()
    let index = place.load(ordering: .relaxed)
    guard index != StreamTransport.none, let engine else {
      detached.releaseReader()
      return false
    }
    return engine.send(detached, on: index) != .refused
  }

  /// Half-close: a FIN follows what is queued.
  public final func endOutput() { withEngine { $0.endOutput($1) } }

  /// Receives nothing any more: shutdown(2) with SHUT_RD. The end of the stream is told then, if it was not before.
  public final func endInput() {
    withDescriptor { _ = shutdown($0, Int32(SHUT_RD)) }
  }

  /// Says that so many of the bytes that came are kept for later. At `ConnectionLimits.unreadBytes` receiving pauses.
  public final func keepUnread(_ count: Int) {
    withEngine { engine, index in
      engine.records[index].machine.queueUnread(UInt32(clamping: count))
      engine.markDirty(index)
    }
  }

  /// … and were used.
  public final func useUnread(_ count: Int) { withEngine { $0.tookUnread($1, UInt32(clamping: count)) } }

  /// Whether received views may be kept without harm to others: less than half of the loop's receive slots are out, and nobody is charged
  /// for what is received. Takes the lock of the loop's arena once.
  public final var hasSlotsToKeep: Bool {
    guard let engine, !engine.pressure.isOn else { return false }
    return engine.memory.slots.slotsOut < engine.memory.plan.slots / 2
  }

  /// Closes. What is queued goes out first, then a FIN, and the peer has a while to end its side; what it sends meanwhile is
  /// discarded (`ConnectionLimits`: `flushTimeout`, `lingerTimeout`).
  public final func close() { withEngine { $0.close($1) } }

  /// Closes at once. What is queued is dropped, and the peer sees a reset.
  public final func abort() { withEngine { $0.abort($1, .closed) } }

  /// Lends the descriptor, for options and names. Nil from when the kernel was told to close it: the number may be another
  /// socket's by then.
  @discardableResult
  public final func withDescriptor<R, E: Error>(_ body: (Int32) throws(E) -> R) throws(E) -> R? {
    guard let descriptor = withRecord({ $0.machine.isOver ? nil : $0.descriptor }) ?? nil else { return nil }
    return try body(descriptor)
  }

  // MARK: The loop's side

  fileprivate func begin(_ index: Int) {
    place.store(index, ordering: .relaxed)
    opened()
  }

  fileprivate func end() {
    place.store(StreamTransport.none, ordering: .relaxed)
    closed()
  }

  private func withEngine(_ body: (StreamEngine, Int) -> Void) {
    let index = place.load(ordering: .relaxed)
    if index != StreamTransport.none, let engine { body(engine, index) }
  }

  private func withRecord<R>(_ body: (borrowing ConnectionRecord) -> R) -> R? {
    let index = place.load(ordering: .relaxed)
    guard index != StreamTransport.none, let engine else { return nil }
    return body(engine.records[index])
  }
}

/// Gives the events of one connection to its transport.
final class TransportSink: ConnectionSink, @unchecked Sendable {
  // Why unchecked: as its superclass.
  private let engine: StreamEngine
  private let transport: StreamTransport

  init(_ engine: StreamEngine, _ transport: StreamTransport) {
    self.engine = engine
    self.transport = transport
    super.init(budget: nil)
  }

  override func opened(_ index: Int) {
    engine.records[index].reportsSent = true
    transport.begin(index)
  }

  override func received(_ index: Int, _ view: DetachedView) { transport.received(ReadView(view)) }

  override func inputEnded(_ index: Int) { transport.inputEnded() }

  override func sent(_ index: Int, _ count: Int) { transport.sent(count) }

  override func ended(_ index: Int) {
    guard engine.records[index].failure != nil else { return }
    transport.broken(engine.records[index].error(or: .closed, .close))
  }

  override func closed(_ index: Int) { transport.end() }
}
