import SystemPackage

/// What a ring in user space stands on: system calls on sockets that never wait, and a way to hear when one is worth
/// another try.
///
/// Two of them exist: the operating system's own, with epoll, and the simulated network. Each call answers as the system
/// call of its name does, with a negative errno value in place of -1 and `errno`; one that would have to wait answers
/// -EAGAIN.
///
/// Belongs to one thread, the ring's. Sendable because references to it travel with the loop's, not because others may use
/// it.
package protocol SocketSystem: AnyObject, Sendable {
  /// recv(2), not waiting. 0 at the end of the stream.
  func receive(_ descriptor: Int32, _ base: UnsafeMutableRawPointer, _ count: Int) -> Int
  /// send(2), not waiting; may be short. Never raises SIGPIPE.
  func send(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int, flags: Int32) -> Int
  /// sendmsg(2), not waiting; may be short. Never raises SIGPIPE.
  /// - Parameter message: a `msghdr`.
  func sendVector(_ descriptor: Int32, message: UnsafeRawPointer, flags: Int32) -> Int
  /// recvmsg(2), not waiting.
  /// - Parameter message: a `msghdr`, which the call changes.
  func receiveMessage(_ descriptor: Int32, message: UnsafeMutableRawPointer, flags: Int32) -> Int
  /// read(2) of an eventfd or a pipe that has no other reader, not waiting.
  func read(_ descriptor: Int32, _ base: UnsafeMutableRawPointer, _ count: Int) -> Int
  /// Readies a listener for `accept`, which has no flag of its own that keeps it from waiting.
  func prepareListener(_ descriptor: Int32)
  /// accept4(2), not waiting.
  func accept(_ descriptor: Int32, flags: Int32) -> Int32
  /// connect(2), not waiting: 0, or -EINPROGRESS, after which `connectResult` is asked when the socket is writable, or another error.
  /// -EAGAIN is a Unix socket whose peer's backlog is full: it is tried again.
  /// - Parameter address: a `sockaddr` of `length` bytes, which is not looked at once the call has returned.
  func connect(_ descriptor: Int32, address: UnsafeRawPointer, length: UInt32) -> Int32
  /// How a connect came out: 0, -EINPROGRESS, or the error.
  func connectResult(_ descriptor: Int32) -> Int32
  /// shutdown(2).
  func shutdown(_ descriptor: Int32, _ how: Int32) -> Int32
  /// close(2). Nothing about the descriptor is reported any more.
  func close(_ descriptor: Int32) -> Int32
  /// poll(2) of one descriptor, not waiting: the events that are there.
  func poll(_ descriptor: Int32, _ events: UInt32) -> Int32
  /// Whether bytes can be received: FIONREAD. Asked only when a receive has filled its buffer.
  func hasInput(_ descriptor: Int32) -> Bool

  /// Begins to report what becomes ready on a descriptor: what is ready now, once, and each later change, once.
  /// Until the descriptor is closed.
  /// - Parameter generation: comes back with each report.
  /// - Returns: 0 or a negative errno value.
  func watch(_ descriptor: Int32, generation: UInt32) -> Int32
  /// Waits for reports; `event(at:)` has them until the next call.
  /// - Parameter timeoutNanoseconds: 0 does not wait, nil waits without limit.
  /// - Returns: how many there are, 0 when the time is up, or a negative errno value.
  func wait(timeoutNanoseconds: UInt64?) -> Int
  /// One of the reports of the last `wait`.
  func event(at index: Int) -> ReadinessEvent

  /// Nanoseconds of a clock that does not jump.
  func now() -> UInt64

  /// Asked at each place where a kernel is free to do one thing or the other. The operating system says never; a simulated
  /// kernel draws.
  func chooses(_ freedom: RingFreedom) -> Bool

  /// Whether the ring should watch what the program does with it: see ``RingRule``.
  static var checksRules: Bool { get }
  /// Whether the ring takes zero-copy sends: what it is told to notify of must be the system's to imagine.
  static var sendsWithoutCopy: Bool { get }
  /// The program broke a rule.
  func note(broken rule: RingRule, _ descriptor: Int32)

  /// Gives back what it has. Idempotent.
  func close()
}

extension SocketSystem {
  @inline(__always)
  package func chooses(_ freedom: RingFreedom) -> Bool { false }
  @inline(__always)
  package static var checksRules: Bool { false }
  @inline(__always)
  package static var sendsWithoutCopy: Bool { false }
  package func note(broken rule: RingRule, _ descriptor: Int32) {}
  /// A system that has no datagrams.
  package func receiveMessage(_ descriptor: Int32, message: UnsafeMutableRawPointer, flags: Int32) -> Int {
    -Int(Errno.notSupportedOnSocket.rawValue)
  }
}

/// What has become ready on a descriptor: a hint that a call is worth a try, never a promise.
package struct Readiness: OptionSet, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// A receive, an accept or a read.
  package static let input = Readiness(rawValue: 1)
  /// A send, or the end of a connect.
  package static let output = Readiness(rawValue: 2)
  /// The peer's stream has ended or failed, so nothing more will be reported of the input.
  package static let inputEnds = Readiness(rawValue: 4)
}

/// One report of a ``SocketSystem``.
package struct ReadinessEvent: Sendable {
  package var descriptor: Int32
  package var generation: UInt32
  package var readiness: Readiness

  package init(descriptor: Int32, generation: UInt32, readiness: Readiness) {
    self.descriptor = descriptor
    self.generation = generation
    self.readiness = readiness
  }
}

/// Where a kernel may do one thing or another, and a program must live with both.
package enum RingFreedom: UInt8, CaseIterable, Sendable {
  /// An operation is not tried when it is submitted, but some time later.
  case postponesOperation
  /// A ready descriptor has to wait for the next call.
  case postponesDescriptor
  /// Output goes before input on a descriptor where both are ready.
  case servesOutputFirst
  /// A multishot operation ends for no reason.
  case endsMultishot
  /// A receive finds no buffer, although some are posted.
  case missesBuffers
  /// A call consumes a part of the submissions only.
  case consumesFewer
  /// A signal interrupts a call.
  case interruptsCall
  /// The kernel is short of memory, or busy, for the moment: -EAGAIN, -EBUSY.
  case refusesCall
  /// A cancel does not find an operation that is there, because it is between two tries.
  case missesCancelled
  /// A completion is parked, although the queue has room.
  case parksCompletion
  /// A refused call says that there is no memory, -EAGAIN, and not that there is too much to do, -EBUSY.
  case lacksMemory
  /// A receive or an accept that was cancelled goes on for a while: it may still bring bytes, or a descriptor, before its end.
  case goesOnAfterCancel
  /// The cancel of such an operation says -EALREADY instead of 0.
  case saysAlready
  /// The end of what was cancelled comes before the cancel's own answer.
  case endsBeforeAnswer
  /// An accept reports a connection that was gone before it was accepted, instead of passing it over.
  case reportsAborted
  /// A zero-copy send is refused for want of memory that may be locked.
  case refusesZeroCopy
  /// A zero-copy send that has failed owes a notification nevertheless.
  case owesAfterFailure
  /// The kernel has copied a zero-copy send after all.
  case copiesNevertheless
  /// The notification of a zero-copy send comes some time later, perhaps behind those of later ones.
  case delaysNotification
  /// The notification of a zero-copy send comes when its socket is closed, and not before.
  case notifiesAtClose
}
