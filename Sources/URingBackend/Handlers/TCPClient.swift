/// Opens connections that handlers serve: the client's counterpart of `TCPServer.run(handler:)`.
///
/// All connections of one client live on one loop. A client holds no connection open and needs no end of its own: each
/// connection lives until its handler or its peer ends it, until `shutdown()`, or until the loop ends.
///
/// May be used from any task. For clients that are written as tasks, use `TCPConnection.connect`.
public final class TCPClient<Handler: ConnectionHandler & ~Copyable>: @unchecked Sendable {
  // Why unchecked: `sink` and `isShutDown` belong to the loop's thread, and are touched in closures that run there. The rest
  // is constant and Sendable; handlers are made and used on that thread alone.

  /// The loop that the connections live on.
  public let loop: EventLoop
  /// How long the kernel may try to connect. Zero or less gives an attempt up at once if it has to wait at all.
  public let timeout: Duration
  /// The bounds of each connection.
  public let limits: ConnectionLimits
  /// The options of each socket.
  public let options: SocketOptions

  private let makeHandler: @Sendable () throws -> Handler
  private var sink: HandlerSink<Handler>?
  private var isShutDown = false

  /// - Parameters:
  ///   - loop: the loop that the connections live on.
  ///   - timeout: how long the kernel may try to connect.
  ///   - limits: the bounds of each connection.
  ///   - options: the options of each socket.
  ///   - handler: makes the handler of one connection, on the loop's thread, when the connection stands. A throw closes
  ///     that connection.
  public init(
    on loop: EventLoop,
    timeout: Duration = .seconds(10),
    limits: ConnectionLimits = ConnectionLimits(),
    options: SocketOptions = SocketOptions(),
    handler: @escaping @Sendable () throws -> Handler
  ) {
    self.loop = loop
    self.timeout = timeout
    self.limits = limits
    self.options = options
    makeHandler = handler
  }

  /// Connects to a server. When this returns, the handler's `opened` has been called.
  ///
  /// - Returns: the connection's name.
  /// - Throws: `SocketError` with the kernel's reason, `.timedOut`, `.cancelled` when the task is cancelled, or
  ///   `.shuttingDown`. In each case the kernel has given the attempt up and the descriptor is closed. Where nobody
  ///   listens that is ECONNREFUSED, also where the socket would meet itself (see connect(2) and RFC 9293, section 3.5).
  @discardableResult
  public func connect(to address: SocketAddress) async throws(SocketError) -> ConnectionID {
    let request = ConnectRequest(
      address: address,
      timeout: timeout,
      options: options,
      settings: ConnectionSettings(limits, isHandled: true, options)
    )
    return try await request.run(on: loop, sink: { self.sink(on: $0) }, result: { $0.records[$1].id })
  }

  /// Gives up attempts that are under way, closes every open connection at once, and returns when all of them are closed.
  /// Connecting throws `.shuttingDown` from now on. A second call waits for the same end.
  public func shutdown() async {
    // Resumed once: here, or by the sink, which calls back once, when nothing of it is left.
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      loop.execute { [self] in
        isShutDown = true
        guard let engine = loop.streams, let sink else {
          unsafe continuation.resume()
          return
        }
        engine.abortAll(of: sink, .shuttingDown)
        sink.whenEmpty { unsafe continuation.resume() }
      }
    }
  }

  func sink(on engine: StreamEngine) -> ConnectionSink? {
    guard !isShutDown else { return nil }
    if let sink { return sink }
    let made = HandlerSink(engine: engine, budget: nil, make: makeHandler)
    sink = made
    return made
  }
}
