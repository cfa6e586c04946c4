public import IOBuffers

/// A datagram socket as tasks use it: UDP, or Unix datagrams.
///
/// Datagrams come as locked views of the memory that the kernel filled (`receive`), and go out of the memory that a view locks
/// (`send`): nothing is copied on the way. See udp(7) and unix(7).
///
/// ```swift
/// let socket = try await DatagramSocket.bind(to: .any(port: 53), on: loop)
/// while let datagram = try await socket.receive() {
///   if let path = datagram.path { await socket.send(datagram.takePayload(), over: path) }
/// }
/// ```
///
/// A reference may be used from any task. On the socket's loop calls go straight to the socket; from elsewhere they hop to the loop
/// and back by themselves. One task receives at a time; any number may send. The socket is closed by `close()`, with its last
/// reference, or with its loop.
public final class DatagramSocket: Sendable {
  let engine: DatagramEngine
  let sink: DatagramTaskSink
  let index: Int
  let generation: UInt32

  /// Where the socket is bound, with the port that the kernel chose.
  public let localAddress: SocketAddress
  /// Where it is connected to; nil: nowhere.
  public let peer: SocketAddress?

  init(
    _ engine: DatagramEngine,
    _ sink: DatagramTaskSink,
    _ place: DatagramEngine.Place,
    local: SocketAddress,
    peer: SocketAddress?
  ) {
    self.engine = engine
    self.sink = sink
    index = Int(place.record.index)
    generation = place.record.generation
    localAddress = local
    self.peer = peer
  }

  deinit {
    // Nobody holds the socket any more: it would stay open for ever.
    engine.loop.execute { [engine, index, generation] in
      if let place = engine.place(index, generation) { engine.close(place) }
    }
  }

  /// The loop that the socket lives on.
  public var loop: EventLoop { engine.loop }

  /// Where buffers for what is sent come from: the arena of the loop.
  public var arena: BufferArena { engine.loop.memory.buffers }

  /// The record; nil when the socket is closed. Loop thread only.
  var place: DatagramEngine.Place? { engine.place(index, generation) }

  /// Runs `body` on the loop and returns its result: directly when the caller is there.
  func onLoop<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
    if loop.isCurrent { return body() }
    // Resumed by the closure, which the loop runs once, also after its end.
    return unsafe await withUnsafeContinuation { continuation in
      loop.submit(.closure { unsafe continuation.resume(returning: body()) })
    }
  }

  // MARK: Opening

  /// Binds a socket: bind(2).
  ///
  /// - Parameters:
  ///   - address: where to. Port 0 lets the kernel choose one. On `::` a socket serves IPv4 as well, unless
  ///     ``DatagramOptions/ipv6Only``. The file of a Unix socket is removed when the socket is closed.
  ///   - loop: the loop that the socket lives on.
  ///   - options: its options and bounds.
  /// - Throws: `SocketError` with the kernel's reason, or `.shuttingDown` when the loop is ending.
  public static func bind(
    to address: SocketAddress,
    on loop: EventLoop,
    options: DatagramOptions = DatagramOptions()
  ) async throws(SocketError) -> DatagramSocket {
    try await open(try BoundDatagramSocket(address, options), on: loop)
  }

  /// Connects a socket: connect(2). It sends to one address and receives from there alone; that nobody listens there is
  /// reported, once for each time that the network says so.
  ///
  /// - Parameters:
  ///   - peer: where to.
  ///   - local: where to bind it first. Nil: the kernel chooses; a Unix socket gets a name in the abstract namespace, so that it
  ///     can be replied to.
  ///   - loop: the loop that the socket lives on.
  ///   - options: its options and bounds.
  /// - Throws: `SocketError` with the kernel's reason, or `.shuttingDown` when the loop is ending. It says nothing about
  ///   whether somebody listens: no datagram has been sent.
  public static func connect(
    to peer: SocketAddress,
    from local: SocketAddress? = nil,
    on loop: EventLoop,
    options: DatagramOptions = DatagramOptions()
  ) async throws(SocketError) -> DatagramSocket {
    let address =
      switch peer.family {
      case .ipv4: SocketAddress.any(port: 0)
      case .ipv6: SocketAddress(family: .ipv6, port: 0, high: 0, low: 0, scope: 0)
      case .unix: SocketAddress(UnixName.nowhere)
      }
    return try await open(try BoundDatagramSocket(local ?? address, peer: peer, options), on: loop)
  }

  static func open(_ socket: BoundDatagramSocket, on loop: EventLoop) async throws(SocketError) -> DatagramSocket {
    // Resumed by the closure, which the loop runs once, also after its end.
    let result = unsafe await withUnsafeContinuation {
      (continuation: UnsafeContinuation<Result<DatagramSocket, SocketError>, Never>) in
      loop.execute { unsafe continuation.resume(returning: openNow(socket, on: loop)) }
    }
    return try result.get()
  }

  private static func openNow(
    _ socket: BoundDatagramSocket,
    on loop: EventLoop
  ) -> Result<DatagramSocket, SocketError> {
    let engine: DatagramEngine
    do throws(SocketError) {
      engine = try DatagramEngine.of(loop, for: socket)
    } catch {
      return .failure(error)
    }
    let sink = DatagramTaskSink(
      engine,
      limit: socket.options.receiveQueueDatagrams,
      isConnected: socket.peer != nil
    )
    do throws(SocketError) {
      let place = try engine.open(socket, sink: sink)
      return .success(DatagramSocket(engine, sink, place, local: socket.local, peer: socket.peer))
    } catch {
      return .failure(error)
    }
  }

  // MARK: Closing

  /// Closes the socket, and returns when that is done. Whoever waits for a datagram gets nil. What the kernel has of what was
  /// sent goes out, for a second at most. Harmless when repeated.
  public func close() async {
    // Resumed by the sink, which calls back once, also at the loop's end.
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      loop.execute { [self] in
        sink.whenClosed { unsafe continuation.resume() }
        if let place { engine.close(place) }
      }
    }
  }
}
