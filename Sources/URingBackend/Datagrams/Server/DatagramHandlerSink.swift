internal import IOBuffers

/// Serves one socket with a synchronous handler: no allocation and no existential on the way.
@safe
final class DatagramHandlerSink<Handler: DatagramHandler & ~Copyable>: DatagramSink, @unchecked Sendable {
  private let engine: Unmanaged<DatagramEngine>
  // Why the pointer holds: it has its one handler from `init` to `closed`, the last call, after which `isLive` says no; memory
  // goes in `deinit`. In place, because a stored variable would be checked for exclusive access with each datagram.
  private let handler: UnsafeMutablePointer<Handler>
  private var isLive = true
  private let whenClosed: @Sendable () -> Void

  /// - Parameter engine: outlives the socket.
  init(_ engine: DatagramEngine, _ handler: consuming Handler, whenClosed: @escaping @Sendable () -> Void) {
    unsafe self.engine = Unmanaged.passUnretained(engine)
    unsafe self.handler = .allocate(capacity: 1)
    unsafe self.handler.initialize(to: handler)
    self.whenClosed = whenClosed
  }

  deinit {
    if isLive { unsafe handler.deinitialize(count: 1) }
    unsafe handler.deallocate()
  }

  override func opened(_ index: Int) {
    unsafe handler.pointee.opened(context(index))
  }

  override func received(_ index: Int, _ message: ReceivedMessage) {
    unsafe handler.pointee.received(Datagram(message), on: context(index))
  }

  override func failed(_ index: Int, _ error: SocketError) {
    unsafe handler.pointee.failed(error, on: context(index))
  }

  override func writable(_ index: Int) {
    unsafe handler.pointee.writable(context(index))
  }

  override func closed(_ index: Int, _ error: SocketError?) {
    isLive = false
    var last = unsafe handler.move()
    last.closed(error)
    whenClosed()
  }

  private func context(_ index: Int) -> DatagramContext {
    unsafe DatagramContext(engine: engine, index: index)
  }
}
