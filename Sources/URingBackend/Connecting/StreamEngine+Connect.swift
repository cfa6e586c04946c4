internal import Glibc
internal import SystemPackage

/// One connect(2) that is under way. Loop thread only.
@safe
final class ConnectAttempt {
  let key: UInt32
  /// The socket of the current try.
  var descriptor: Int32
  let address: SocketAddress
  let options: SocketOptions
  let sink: ConnectionSink
  let settings: ConnectionSettings
  /// How many sockets were tried before this one.
  var retries = 0
  /// Called with each socket before it connects. For tests, which bind it.
  let prepare: ((Int32) -> Void)?
  /// Stands still until the kernel has answered, because the submission points at it: the engine keeps the attempt in
  /// `connecting` until the completion of its last submission, and the memory goes with the attempt.
  let storage: UnsafeMutablePointer<sockaddr_storage>
  let length: socklen_t
  var timer: TimerQueue<LoopTimer>.Handle?
  /// Why it was given up, once it was: whatever the kernel says from then on.
  var abandoned: SocketError.Kind?
  /// The kernel has been asked to give it up.
  var isCancelling = false
  var completion: (Result<Int, SocketError>) -> Void

  init(
    key: UInt32,
    descriptor: Int32,
    address: SocketAddress,
    options: SocketOptions,
    sink: ConnectionSink,
    settings: ConnectionSettings,
    prepare: ((Int32) -> Void)?,
    completion: @escaping (Result<Int, SocketError>) -> Void
  ) {
    self.key = key
    self.descriptor = descriptor
    self.address = address
    self.options = options
    self.sink = sink
    self.settings = settings
    self.prepare = prepare
    self.completion = completion
    let form = address.kernelForm
    // Given back in `deinit`, by when the kernel has answered: see above.
    unsafe storage = .allocate(capacity: 1)
    unsafe storage.initialize(to: form.storage)
    length = form.length
  }

  deinit {
    unsafe storage.deallocate()
  }
}

extension StreamEngine {
  /// Tells connect timers from connection timers; both flags set.
  static let connectToken: UInt64 = 3 << 62
  /// How often a socket that was connected to itself is replaced by another one.
  static let selfConnectRetries = 3

  /// Connects, and calls `completion` once: with the index of an open connection, or with what went wrong. Returns the
  /// key by which the attempt can be cancelled, or nil when it has failed already.
  /// - Parameter socket: the socket to connect, which is the engine's from now on; nil: one with the options is opened.
  @discardableResult
  func connect(
    to address: SocketAddress,
    timeoutNanoseconds: UInt64,
    options: SocketOptions,
    sink: ConnectionSink,
    settings: ConnectionSettings,
    socket: Int32? = nil,
    prepare: ((Int32) -> Void)? = nil,
    completion: @escaping (Result<Int, SocketError>) -> Void
  ) -> UInt32? {
    guard !isStopping else {
      if let socket { sockets.close(socket) }
      completion(.failure(SocketError(.shuttingDown, .connect, peer: address)))
      return nil
    }
    do throws(SocketError) {
      let attempt = ConnectAttempt(
        key: nextKey(),
        descriptor: try given(socket, or: address, options),
        address: address,
        options: options,
        sink: sink,
        settings: settings,
        prepare: prepare,
        completion: completion
      )
      // Another socket would not have what its owner asked of this one.
      if socket != nil { attempt.retries = StreamEngine.selfConnectRetries }
      try submit(attempt)
      connecting[attempt.key] = attempt
      let (deadline, overflow) = loop.clock.now().addingReportingOverflow(timeoutNanoseconds)
      attempt.timer = loop.timers.arm(
        overflow ? .max : deadline,
        .client(StreamEngine.connectToken | UInt64(attempt.key))
      )
      return attempt.key
    } catch {
      completion(.failure(error))
      return nil
    }
  }

  private func given(
    _ socket: Int32?,
    or address: SocketAddress,
    _ options: SocketOptions
  ) throws(SocketError) -> Int32 {
    if let socket { return socket }
    return try sockets.open(for: address, options)
  }

  /// A name for a listener or an attempt that no other has.
  func nextKey() -> UInt32 {
    repeat { nextAttempt &+= 1 } while connecting[nextAttempt] != nil || listeners[nextAttempt] != nil
    return nextAttempt
  }

  /// Hands the attempt's socket to the kernel. After a throw the socket is closed.
  private func submit(_ attempt: ConnectAttempt) throws(SocketError) {
    attempt.prepare?(attempt.descriptor)
    // A sockaddr_storage may be seen as a sockaddr; how long it stands still is said where it is declared.
    let prepared = unsafe attempt.storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
      unsafe ring.prepareConnect(
        attempt.descriptor,
        address: pointer,
        length: attempt.length,
        userData: OperationID(.connect, index: attempt.key).rawValue
      )
    }
    guard prepared else {
      sockets.close(attempt.descriptor)
      throw SocketError(.system(.noMemory), .connect, peer: attempt.address)
    }
  }

  func connectTimerFired(_ token: UInt64) {
    guard let attempt = connecting[UInt32(truncatingIfNeeded: token)] else { return }
    attempt.timer = nil
    cancel(attempt, .timedOut)
  }

  func cancelConnect(_ key: UInt32) {
    if let attempt = connecting[key] { cancel(attempt, .cancelled) }
  }

  /// Asks the kernel to give the attempt up. Its own completion ends it, whichever way.
  func cancel(_ attempt: ConnectAttempt, _ kind: SocketError.Kind) {
    if attempt.abandoned == nil { attempt.abandoned = kind }
    guard !attempt.isCancelling else { return }
    attempt.isCancelling = ring.prepareCancel(
      target: OperationID(.connect, index: attempt.key).rawValue,
      userData: OperationID(.cancelConnect, index: attempt.key).rawValue
    )
    // The kernel takes no submissions right now: ask again soon.
    if !attempt.isCancelling { cancelAgain(attempt) }
  }

  private func cancelAgain(_ attempt: ConnectAttempt) {
    if let timer = attempt.timer { _ = loop.timers.cancel(timer) }
    let token = StreamEngine.connectToken | UInt64(attempt.key)
    attempt.timer = loop.timers.arm(loop.clock.now() &+ 10_000_000, .client(token))
  }

  /// A cancellation that found nothing came between two tries of the kernel's: one to a Unix socket whose backlog is full is
  /// tried again and again before it waits.
  func connectCancelCompleted(_ completion: Completion, _ operation: OperationID) {
    guard completion.result < 0, let attempt = connecting[operation.index] else { return }
    attempt.isCancelling = false
    cancelAgain(attempt)
  }

  func connectCompleted(_ completion: Completion, _ operation: OperationID) {
    guard let attempt = connecting[operation.index] else { return }
    let isConnected = attempt.abandoned == nil && completion.result >= 0
    // A Unix socket has no port that it could be given by chance.
    if isConnected, attempt.address.family != .unix,
      sockets.isConnectedToItself(attempt.descriptor, port: attempt.address.port)
    {
      retry(attempt)
      return
    }
    finish(attempt)
    if let abandoned = attempt.abandoned {
      sockets.close(attempt.descriptor)
      attempt.completion(.failure(SocketError(abandoned, .connect, peer: attempt.address)))
    } else if completion.result < 0 {
      if !planted(.leaksFailedConnect) { sockets.close(attempt.descriptor) }
      let kind = SocketError.Kind.system(Errno(rawValue: -completion.result))
      attempt.completion(.failure(SocketError(kind, .connect, peer: attempt.address)))
    } else if let index = open(attempt.descriptor, sink: attempt.sink, settings: attempt.settings) {
      attempt.completion(.success(index))
    } else {
      attempt.completion(.failure(SocketError(.system(.noMemory), .connect, peer: attempt.address)))
    }
  }

  /// The socket was given the very port as its own that it was to connect to, and is connected to itself: TCP allows two
  /// sides to open at once (RFC 9293, section 3.5), and these two are one. It happens where nobody listens on a port of
  /// net.ipv4.ip_local_port_range. Another socket has another port, and hears the truth.
  private func retry(_ attempt: ConnectAttempt) {
    // Without a reset the port would stay taken for a minute (TIME_WAIT), also for the server that is missed there.
    sockets.resetOnClose(attempt.descriptor)
    sockets.close(attempt.descriptor)
    do throws(SocketError) {
      guard attempt.retries < StreamEngine.selfConnectRetries else {
        throw SocketError(.system(.connectionRefused), .connect, peer: attempt.address)
      }
      attempt.retries += 1
      attempt.descriptor = try sockets.open(for: attempt.address, attempt.options)
      try submit(attempt)
    } catch {
      finish(attempt)
      attempt.completion(.failure(error))
    }
  }

  /// The kernel holds nothing of the attempt any more.
  private func finish(_ attempt: ConnectAttempt) {
    connecting[attempt.key] = nil
    if planted(.leavesConnectTimer) { return }
    if let timer = attempt.timer { _ = loop.timers.cancel(timer) }
  }
}
