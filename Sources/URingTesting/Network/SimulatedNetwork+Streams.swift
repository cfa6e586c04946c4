internal import Glibc
internal import URingBackend

/// Receiving, sending, and ending.
extension SimulatedNetwork {
  // MARK: Receiving

  /// recv(2) that does not wait.
  package mutating func receive(_ descriptor: Int32, into target: UnsafeMutableRawBufferPointer) -> Int {
    switch find(descriptor, orListener: ENOTCONN) {
    case .failure(let error): Int(error)
    case .side(let side): unsafe receive(side: side, into: target)
    }
  }

  mutating func receive(side: Int, into target: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(sides[side].available, target.count)
    guard count > 0 else { return target.count == 0 ? 0 : Int(receiveWithoutBytes(side)) }
    unsafe sides[side].input.take(into: UnsafeMutableRawBufferPointer(rebasing: target[..<count]))
    sides[side].available -= count
    // The window has opened.
    scheduleArrival(side)
    return count
  }

  /// What a receive says that finds nothing: tcp_recvmsg, in its order. 0 is the end.
  mutating func receiveWithoutBytes(_ side: Int) -> Int32 {
    if sides[side].flags.contains(.inputEnded) { return 0 }
    let error = takeError(side)
    if error != 0 { return -error }
    if sides[side].flags.contains(.inputShut) { return 0 }
    return sides[side].state == .fresh || sides[side].state == .closed ? -ENOTCONN : -EAGAIN
  }

  /// What a receive would find: 1 for bytes, 0 for the end, or a negative errno value; an error is taken.
  package mutating func peek(_ descriptor: Int32) -> Int32 {
    switch find(descriptor, orListener: ENOTCONN) {
    case .failure(let error): error
    case .side(let side): sides[side].available > 0 ? 1 : receiveWithoutBytes(side)
    }
  }

  // MARK: Sending

  /// send(2) that does not wait.
  package mutating func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    switch find(descriptor, orListener: EPIPE) {
    case .failure(let error): Int(error)
    case .side(let side): unsafe send(side: side, bytes)
    }
  }

  mutating func send(side: Int, _ bytes: UnsafeRawBufferPointer) -> Int {
    let refusal = sendRefusal(side)
    guard refusal == 0 else { return Int(refusal) }
    let count = room(side, for: bytes.count)
    guard count > 0 || bytes.count == 0 else { return Int(-EAGAIN) }
    unsafe put(side, UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    return count
  }

  /// Why nothing can be sent, as a negative errno value; 0 when something can. tcp_sendmsg: a pending error comes first,
  /// then EPIPE (verified).
  mutating func sendRefusal(_ side: Int) -> Int32 {
    let error = takeError(side)
    if error != 0 { return -error }
    if sides[side].state == .connecting { return -EAGAIN }
    return sides[side].state != .established || sides[side].flags.contains(.outputShut) ? -EPIPE : 0
  }

  /// How many of so many bytes a send takes. Where that is fewer, space is reported later.
  mutating func room(_ side: Int, for wanted: Int) -> Int {
    let count = min(wanted, sides[side].space)
    let fewer = choices.draw(.shortSend, below: UInt32(clamping: count))
    if fewer > 0 {
      // As when the kernel is short of memory: SOCK_NOSPACE, and a wake-up when there is some.
      sides[side].flags.insert(.wantsSpace)
      schedule(.space, for: side, after: limits.latency)
      return Int(fewer)
    }
    if count < wanted { sides[side].flags.insert(.wantsSpace) }
    return count
  }

  /// Sends bytes for which there is room.
  mutating func put(_ side: Int, _ bytes: UnsafeRawBufferPointer) {
    sides[side].written += UInt64(bytes.count)
    unsafe sides[side ^ 1].input.append(bytes)
    scheduleArrival(side ^ 1)
  }

  // MARK: Ending

  /// shutdown(2). `how` is 0 for the input, 1 for the output, 2 for both.
  package mutating func shutdown(_ descriptor: Int32, _ how: Int32) -> Int32 {
    guard let entry = entry(descriptor) else { return -EBADF }
    guard (0...2).contains(how) else { return -EINVAL }
    guard table[entry].kind == .stream else { return shutdown(listener: table[entry].index, how) }
    return shutdown(side: table[entry].index, how)
  }

  mutating func shutdown(side: Int, _ how: Int32) -> Int32 {
    switch sides[side].state {
    case .connecting where side & 1 == 0:
      // Verified: the connect is given up with ECONNRESET, and the socket is as fresh as it was.
      sides[side].state = .fresh
      sides[side].error = ECONNRESET
      giveUpConnect(side)
      changed(side, [.input, .output])
      return 0
    case .established:
      if how != 1 { sides[side].flags.insert(.inputShut) }
      if how != 0 { endOutput(side) }
      changed(side, how == 1 ? .output : [.input, .output, .inputEnds])
      return 0
    default:
      // Verified: it fails, and wakes whoever watches all the same.
      changed(side, [.input, .output, .inputEnds])
      return -ENOTCONN
    }
  }

  /// Sends the FIN, once.
  private mutating func endOutput(_ side: Int) {
    sides[side].flags.insert(.outputShut)
    guard sides[side].flags.insert(.endSent).inserted else { return }
    sides[side].written += 1
    scheduleArrival(side ^ 1)
  }

  private mutating func shutdown(listener: Int, _ how: Int32) -> Int32 {
    guard listeners[listener].listens else { return -ENOTCONN }
    // Verified: the output of a listener is nothing that could be shut.
    guard how != 1 else { return 0 }
    listeners[listener].isShut = true
    stopListening(listener)
    report(listeners[listener].descriptor, [.input, .output, .inputEnds])
    return 0
  }

  /// Makes the close a reset: SO_LINGER with zero seconds.
  package mutating func resetOnClose(_ descriptor: Int32) -> Int32 {
    switch find(descriptor, orListener: 0) {
    case .failure(let error): return error
    case .side(let side):
      sides[side].flags.insert(.resetsOnClose)
      return 0
    }
  }

  /// close(2). Nothing about the descriptor is reported any more.
  package mutating func close(_ descriptor: Int32) -> Int32 {
    guard let entry = entry(descriptor) else { return -EBADF }
    let (kind, index) = (table[entry].kind, table[entry].index)
    freeDescriptor(entry)
    if kind == .listener {
      close(listener: index)
    } else {
      close(side: index)
    }
    return 0
  }

  mutating func close(listener: Int) {
    listeners[listener].isOpen = false
    listeners[listener].descriptor = -1
    stopListening(listener)
  }

  mutating func close(side: Int) {
    sides[side].descriptor = -1
    sides[side].flags.insert(.abandoned)
    switch sides[side].state {
    case .connecting:
      sides[side].state = .closed
      giveUpConnect(side)
    case .established:
      // Verified: bytes that were not read make it a reset.
      if sides[side].available > 0 || sides[side].flags.contains(.resetsOnClose) {
        sides[side].state = .closed
        scheduleReset(side ^ 1)
      } else {
        endOutput(side)
      }
    case .fresh, .free, .closed: break
    }
    freePairIfUnused(side)
  }

  /// Nobody waits for the answer to a SYN any more. Who has sent one is reset.
  private mutating func giveUpConnect(_ side: Int) {
    if sides[side + 1].state == .established { scheduleReset(side + 1) }
  }
}
