import CLiburing
import SystemPackage

extension UserSpaceRing {
  /// Takes one entry: what needs no waiting is done at once, in the order of the queue.
  mutating func submit(_ entry: UnsafePointer<io_uring_sqe>) {
    switch unsafe Int32(entry.pointee.opcode) {
    case SLUICE_OP_SEND: unsafe begin(Operation(entry, .send))
    case SLUICE_OP_RECV: unsafe beginReceive(entry)
    case SLUICE_OP_SENDMSG: unsafe beginSendMessage(entry)
    case SLUICE_OP_RECVMSG: unsafe beginReceiveMessage(entry)
    case SLUICE_OP_ACCEPT: unsafe beginAccept(entry)
    case SLUICE_OP_CONNECT: unsafe beginConnect(entry)
    case SLUICE_OP_READ: unsafe begin(Operation(entry, .read))
    case SLUICE_OP_POLL_ADD: unsafe begin(Operation(entry, .poll))
    case SLUICE_OP_SHUTDOWN: unsafe shutDown(entry)
    case SLUICE_OP_CLOSE: unsafe closeDescriptor(entry)
    case SLUICE_OP_CANCEL: unsafe cancel(entry)
    case SLUICE_OP_SEND_ZC where System.sendsWithoutCopy: unsafe beginZeroCopySend(entry, .send)
    case SLUICE_OP_SENDMSG_ZC where System.sendsWithoutCopy: unsafe beginZeroCopySend(entry, .sendVector)
    case SLUICE_OP_NOP: unsafe post(entry.pointee.user_data, 0)
    default: unsafe post(entry.pointee.user_data, -Errno.invalidArgument.rawValue)
    }
  }

  /// Tries an operation, and keeps it where it has to wait.
  @inline(__always)
  mutating func begin(_ operation: consuming Operation) {
    var operation = operation
    guard let state = unsafe descriptors.state(of: operation.descriptor) else {
      return post(operation.userData, -Errno.badFileDescriptor.rawValue)
    }
    unsafe checkRules(operation, state)
    let isPostponed = system.chooses(.postponesOperation)
    if !isPostponed, unsafe isWorthATry(operation, state) {
      switch unsafe attempt(&operation, state) {
      case .finished: return
      case .waits: break
      case .hasMore: unsafe enqueue(operation.descriptor, state)
      }
    }
    unsafe keep(operation, state)
    if isPostponed { unsafe enqueue(operation.descriptor, state) }
  }

  /// Whether a call may have something to do: what is known to be not ready waits for the report.
  @inline(__always)
  private mutating func isWorthATry(_ operation: borrowing Operation, _ state: UnsafeMutablePointer<DescriptorState>)
    -> Bool
  {
    switch operation.kind {
    // Without a buffer a receive ends at once, whatever the socket holds.
    case .receive, .receiveMessages, .connect, .poll: true
    case .receiveInto, .receiveMessage, .accept, .read: unsafe state.pointee.readiness.contains(.input)
    case .send, .sendVector, .sendMessage: unsafe state.pointee.readiness.contains(.output)
    }
  }

  /// What came of a try.
  enum Attempt {
    /// The operation's last completion is posted.
    case finished
    /// Nothing to do until the next report.
    case waits
    /// There is more to do, which has to wait for the next turn.
    case hasMore
  }

  @inline(__always)
  mutating func attempt(_ operation: inout Operation, _ state: UnsafeMutablePointer<DescriptorState>) -> Attempt {
    switch operation.kind {
    case .receive: unsafe attemptReceive(&operation, state)
    case .receiveInto: unsafe attemptReceiveInto(&operation, state)
    case .send: unsafe attemptSend(&operation, state)
    case .sendVector: unsafe attemptSendVector(&operation, state)
    case .accept: unsafe attemptAccept(&operation, state)
    case .connect: unsafe attemptConnect(&operation, state)
    case .read: unsafe attemptRead(&operation, state)
    case .poll: unsafe attemptPoll(&operation, state)
    case .receiveMessages: unsafe attemptReceiveMessages(&operation, state)
    case .receiveMessage: unsafe attemptReceiveMessage(&operation, state)
    case .sendMessage: unsafe attemptSendMessage(&operation, state)
    }
  }

  // MARK: Those that wait

  /// Keeps an operation until its descriptor is ready.
  private mutating func keep(_ operation: consuming Operation, _ state: UnsafeMutablePointer<DescriptorState>) {
    var operation = operation
    if operation.kind == .sendVector, unsafe operation.vectors == nil,
      let message = unsafe UnsafePointer<msghdr>(bitPattern: UInt(operation.address))
    {
      unsafe operation.keepVectors(from: message)
    }
    if planted(.ringCompletesSendEarly), !operation.isReported, operation.kind == .send {
      operation.isReported = true
      post(operation.userData, Int32(clamping: operation.count))
    }
    armings &+= 1
    operation.armed = armings
    let place = operations.insert(operation)
    let kept = unsafe operations.pointer(place)
    unsafe kept.pointee.next = OperationTable.none
    unsafe append(place, to: &state.pointee[keyPath: Self.list(kept.pointee.kind)])
    if unsafe !state.pointee.isWatched { unsafe watch(kept.pointee.descriptor, state) }
  }

  private mutating func append(_ place: Int32, to first: inout Int32) {
    guard first != OperationTable.none else {
      first = place
      return
    }
    var last = first
    while case let next = unsafe operations.pointer(last).pointee.next, next != OperationTable.none { last = next }
    unsafe operations.pointer(last).pointee.next = place
  }

  /// Has the system report what becomes ready. Where it cannot, whatever waits there ends with the reason.
  private mutating func watch(_ descriptor: Int32, _ state: UnsafeMutablePointer<DescriptorState>) {
    let result = unsafe system.watch(descriptor, generation: state.pointee.generation)
    guard result < 0 else {
      unsafe state.pointee.isWatched = true
      return
    }
    unsafe endAll(state, result)
  }

  /// Ends all that waits on a descriptor, as a cancellation does, with another reason.
  mutating func endAll(_ state: UnsafeMutablePointer<DescriptorState>, _ result: Int32) {
    for list in [\DescriptorState.input, \.output, \.polls] {
      while case let place = unsafe state.pointee[keyPath: list], place != OperationTable.none {
        unsafe state.pointee[keyPath: list] = operations.pointer(place).pointee.next
        end(place, result)
      }
    }
  }

  /// Posts the last completion of an operation that no list has any more. What it had sent is its result, if anything was.
  mutating func end(_ place: Int32, _ result: Int32) {
    let operation = unsafe operations.pointer(place)
    let userData = unsafe operation.pointee.userData
    let sent =
      unsafe operation.pointee.kind == .send || operation.pointee.kind == .sendVector ? operation.pointee.progress : 0
    let isReported = unsafe operation.pointee.isReported
    let isZeroCopy = unsafe System.sendsWithoutCopy && operation.pointee.isZeroCopy
    let descriptor = unsafe operation.pointee.descriptor
    operations.remove(place)
    if isReported { return }
    let outcome = sent > 0 && !planted(.ringLosesProgress) ? Int32(clamping: sent) : result
    isZeroCopy ? zeroCopySendEnded(userData, descriptor, outcome) : post(userData, outcome)
  }

  static func list(_ kind: Operation.Kind) -> WritableKeyPath<DescriptorState, Int32> {
    switch kind {
    case .receive, .receiveInto, .receiveMessages, .receiveMessage, .accept, .read: \.input
    case .send, .sendVector, .sendMessage, .connect: \.output
    case .poll: \.polls
    }
  }

  // MARK: Those that are ready

  /// Tries what waits on a descriptor and may have something to do.
  @inline(__always)
  mutating func serve(_ descriptor: Int32) {
    guard let state = unsafe descriptors.state(of: descriptor), unsafe state.pointee.isWaitedFor else { return }
    guard hasRoom, !system.chooses(.postponesDescriptor) else { return unsafe enqueue(descriptor, state) }
    if unsafe state.pointee.polls != OperationTable.none { unsafe servePolls(state) }
    if unsafe outputIsLater(state) || system.chooses(.servesOutputFirst) {
      unsafe serveOutput(descriptor, state)
      unsafe serveInput(descriptor, state)
    } else {
      unsafe serveInput(descriptor, state)
      unsafe serveOutput(descriptor, state)
    }
  }

  /// What began to wait last is woken first, and so takes a reset for itself, which then is the end to the other.
  @inline(__always)
  private mutating func outputIsLater(_ state: UnsafeMutablePointer<DescriptorState>) -> Bool {
    let (input, output) = unsafe (state.pointee.input, state.pointee.output)
    guard input != OperationTable.none, output != OperationTable.none else { return false }
    return unsafe operations.pointer(output).pointee.armed > operations.pointer(input).pointee.armed
  }

  @inline(__always)
  private mutating func serveInput(_ descriptor: Int32, _ state: UnsafeMutablePointer<DescriptorState>) {
    while case let place = unsafe state.pointee.input, place != OperationTable.none,
      unsafe state.pointee.readiness.contains(.input)
    {
      switch unsafe attempt(&operations.pointer(place).pointee, state) {
      case .finished:
        unsafe state.pointee.input = operations.pointer(place).pointee.next
        operations.remove(place)
      case .waits: return
      case .hasMore: return unsafe enqueue(descriptor, state)
      }
    }
  }

  @inline(__always)
  private mutating func serveOutput(_ descriptor: Int32, _ state: UnsafeMutablePointer<DescriptorState>) {
    while case let place = unsafe state.pointee.output, place != OperationTable.none,
      unsafe state.pointee.readiness.contains(.output)
    {
      switch unsafe attempt(&operations.pointer(place).pointee, state) {
      case .finished:
        unsafe state.pointee.output = operations.pointer(place).pointee.next
        operations.remove(place)
      case .waits:
        // It waits anew. A multishot receive keeps its turn.
        armings &+= 1
        unsafe operations.pointer(place).pointee.armed = armings
        return
      case .hasMore: return unsafe enqueue(descriptor, state)
      }
    }
  }

  /// Any report may be one that a poll waits for: each is asked once.
  private mutating func servePolls(_ state: UnsafeMutablePointer<DescriptorState>) {
    var place = unsafe state.pointee.polls
    var previous = OperationTable.none
    while place != OperationTable.none {
      let operation = unsafe operations.pointer(place)
      let next = unsafe operation.pointee.next
      if unsafe attemptPoll(&operation.pointee, state) == .finished {
        if previous == OperationTable.none {
          unsafe state.pointee.polls = next
        } else {
          unsafe operations.pointer(previous).pointee.next = next
        }
        operations.remove(place)
      } else {
        previous = place
      }
      place = next
    }
  }
}
