internal import Glibc
internal import SystemPackage

/// One connect(2) that is under way. Loop thread only.
@safe
final class ConnectAttempt {
  let key: UInt32
  let descriptor: Int32
  let address: SocketAddress
  let sink: ConnectionSink
  let settings: ConnectionSettings
  /// Stands still until the kernel has answered: the submission points at it.
  let storage: UnsafeMutablePointer<sockaddr_storage>
  let length: socklen_t
  var timer: TimerQueue<LoopTimer>.Handle?
  /// Why it was given up, once it was.
  var abandoned: SocketError.Kind?
  var completion: (Result<Int, SocketError>) -> Void

  init(
    key: UInt32,
    descriptor: Int32,
    address: SocketAddress,
    sink: ConnectionSink,
    settings: ConnectionSettings,
    completion: @escaping (Result<Int, SocketError>) -> Void
  ) {
    self.key = key
    self.descriptor = descriptor
    self.address = address
    self.sink = sink
    self.settings = settings
    self.completion = completion
    let form = address.kernelForm
    unsafe storage = .allocate(capacity: 1)
    unsafe storage.initialize(to: form.storage)
    length = form.length
  }

  deinit {
    unsafe storage.deallocate()
  }
}

extension TCPEngine {
  /// Tells connect timers from connection timers; both flags set.
  static let connectToken: UInt64 = 3 << 62

  /// Connects, and calls `completion` once: with the index of an open connection, or with what went wrong. Returns the
  /// key by which the attempt can be cancelled, or nil when it has failed already.
  @discardableResult
  func connect(
    to address: SocketAddress,
    timeoutNanoseconds: UInt64,
    options: SocketOptions,
    sink: ConnectionSink,
    settings: ConnectionSettings,
    completion: @escaping (Result<Int, SocketError>) -> Void
  ) -> UInt32? {
    guard !isStopping else {
      completion(.failure(SocketError(.shuttingDown, .connect, peer: address)))
      return nil
    }
    do throws(SocketError) {
      let descriptor = try Socket.open(for: address)
      do throws(SocketError) {
        try Socket.apply(options, to: descriptor, address)
      } catch {
        Socket.close(descriptor)
        throw error
      }
      return start(
        ConnectAttempt(
          key: nextKey(),
          descriptor: descriptor,
          address: address,
          sink: sink,
          settings: settings,
          completion: completion
        ),
        timeoutNanoseconds: timeoutNanoseconds
      )
    } catch {
      completion(.failure(error))
      return nil
    }
  }

  /// A name for a listener or an attempt that no other has.
  func nextKey() -> UInt32 {
    repeat { nextAttempt &+= 1 } while connecting[nextAttempt] != nil || listeners[nextAttempt] != nil
    return nextAttempt
  }

  private func start(_ attempt: ConnectAttempt, timeoutNanoseconds: UInt64) -> UInt32? {
    let prepared = unsafe attempt.storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
      unsafe ring.prepareConnect(
        attempt.descriptor,
        address: pointer,
        length: attempt.length,
        userData: OperationID(.connect, index: attempt.key).rawValue
      )
    }
    guard prepared else {
      Socket.close(attempt.descriptor)
      attempt.completion(.failure(SocketError(.system(.noMemory), .connect, peer: attempt.address)))
      return nil
    }
    connecting[attempt.key] = attempt
    let (deadline, overflow) = LoopClock.now().addingReportingOverflow(timeoutNanoseconds)
    attempt.timer = loop.timers.arm(
      overflow ? .max : deadline,
      .client(TCPEngine.connectToken | UInt64(attempt.key))
    )
    return attempt.key
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
    guard attempt.abandoned == nil else { return }
    let asked = ring.prepareCancel(
      target: OperationID(.connect, index: attempt.key).rawValue,
      userData: OperationID(.cancelConnect, index: attempt.key).rawValue
    )
    if asked {
      attempt.abandoned = kind
    } else if attempt.timer == nil {
      // The kernel takes no submissions right now: ask again soon.
      let token = TCPEngine.connectToken | UInt64(attempt.key)
      attempt.timer = loop.timers.arm(LoopClock.now() &+ 10_000_000, .client(token))
    }
  }

  func connectCompleted(_ completion: Completion, _ operation: OperationID) {
    guard let attempt = connecting.removeValue(forKey: operation.index) else { return }
    if let timer = attempt.timer { _ = loop.timers.cancel(timer) }
    if let abandoned = attempt.abandoned {
      Socket.close(attempt.descriptor)
      attempt.completion(.failure(SocketError(abandoned, .connect, peer: attempt.address)))
    } else if completion.result < 0 {
      Socket.close(attempt.descriptor)
      let kind = SocketError.Kind.system(Errno(rawValue: -completion.result))
      attempt.completion(.failure(SocketError(kind, .connect, peer: attempt.address)))
    } else if let index = open(attempt.descriptor, sink: attempt.sink, settings: attempt.settings) {
      attempt.completion(.success(index))
    } else {
      attempt.completion(.failure(SocketError(.system(.noMemory), .connect, peer: attempt.address)))
    }
  }
}
