@_spi(Bridging)
extension EventLoop {
  /// Takes over a descriptor that is connected. Loop thread only.
  ///
  /// - Returns: false, and the descriptor is closed, when the loop ends or has no place left.
  public func adopt(_ descriptor: Int32, _ transport: StreamTransport, limits: ConnectionLimits) -> Bool {
    guard let engine = streams, !engine.isStopping else {
      KernelSockets().close(descriptor)
      return false
    }
    let settings = ConnectionSettings(limits, isHandled: false)
    return engine.open(descriptor, sink: TransportSink(engine, transport), settings: settings) != nil
  }

  /// Connects a socket, which the loop owns from now on. Loop thread only.
  ///
  /// - Parameters:
  ///   - descriptor: a stream socket that is not connected, and that blocks. It is closed when the attempt fails.
  ///   - timeout: in nanoseconds.
  ///   - completion: called once, on the loop: with nil behind `opened`, otherwise with what went wrong. Where nobody listens
  ///     that is ECONNREFUSED, also where the socket would meet itself.
  /// - Returns: the attempt's name, or nil when it has failed already.
  public func connect(
    _ descriptor: Int32,
    to address: SocketAddress,
    timeout: UInt64,
    _ transport: StreamTransport,
    limits: ConnectionLimits,
    completion: @escaping (SocketError?) -> Void
  ) -> UInt32? {
    guard let engine = streams else {
      KernelSockets().close(descriptor)
      completion(SocketError(.shuttingDown, .connect, peer: address))
      return nil
    }
    return engine.connect(
      to: address,
      timeoutNanoseconds: timeout,
      options: SocketOptions(),
      sink: TransportSink(engine, transport),
      settings: ConnectionSettings(limits, isHandled: false),
      socket: descriptor
    ) { result in
      switch result {
      case .success: completion(nil)
      case .failure(let error): completion(error)
      }
    }
  }

  /// Gives an attempt up, which ends with `.cancelled` then. Loop thread only.
  public func cancelConnect(_ attempt: UInt32) { streams?.cancelConnect(attempt) }

  /// Accepts on a listening socket, which the loop owns from now on. Loop thread only.
  ///
  /// While descriptors or memory are short, accepting rests for a moment, and the loop's logger says so.
  ///
  /// - Parameters:
  ///   - onAccept: owns each descriptor that it is given.
  ///   - onStopped: called once when the listening descriptor is closed.
  /// - Returns: the listener's name; nil when the loop ends, and the descriptor is closed.
  public func accept(
    on descriptor: Int32,
    address: SocketAddress,
    onAccept: @escaping (Int32) -> Void,
    onStopped: @escaping @Sendable () -> Void
  ) -> UInt32? {
    guard let engine = streams else {
      KernelSockets().close(descriptor)
      return nil
    }
    let key = engine.startListening(
      descriptor,
      address: address,
      sink: ConnectionSink(budget: nil),
      settings: ConnectionSettings(ConnectionLimits(), isHandled: false),
      budget: ConnectionBudget(limit: .max),
      deliver: onAccept
    )
    if let key { engine.listeners[key]?.onStopped.append(onStopped) }
    return key
  }

  /// Stops accepting, or goes on. Some connections may still come after a stop. Loop thread only.
  public func pauseAccepting(_ listener: UInt32, _ paused: Bool) { streams?.pauseAccepting(listener, paused) }

  /// Stops accepting, and closes the socket. Loop thread only.
  public func stopAccepting(_ listener: UInt32) {
    guard let engine = streams, let listener = engine.listeners[listener] else { return }
    engine.stopListening(listener)
  }

  /// Lends the descriptor of a listener; nil when it is gone. Loop thread only.
  public func withListener<R>(_ listener: UInt32, _ body: (Int32) -> R) -> R? {
    (streams?.listeners[listener]?.descriptor).map(body)
  }
}
