internal import Glibc
package import URingBackend

extension SimulatedNetwork {
  /// connect(2) that does not wait.
  package mutating func connect(_ descriptor: Int32, to address: SocketAddress) -> Int32 {
    switch find(descriptor, orListener: EISCONN) {
    case .failure(let error): return error
    case .side(let side):
      switch sides[side].state {
      case .connecting: return -EALREADY
      case .established:
        // Verified: the first connect after it has succeeded says so, the next ones are too many.
        return sides[side].flags.insert(.connectTold).inserted && side & 1 == 0 ? 0 : -EISCONN
      case .closed, .free:
        let error = takeError(side)
        return -(error == 0 ? ECONNABORTED : error)
      case .fresh:
        // A connect that was given up after its SYN had arrived: the other end is still there, to be reset.
        guard sides[side + 1].state == .free else { return -ECONNABORTED }
        beginConnect(side, to: address)
        return -EINPROGRESS
      }
    }
  }

  /// How a connect came out: 0, -EINPROGRESS, or the error, which is taken.
  package mutating func connectResult(_ descriptor: Int32) -> Int32 {
    switch find(descriptor, orListener: EINVAL) {
    case .failure(let error): return error
    case .side(let side):
      let error = takeError(side)
      if error != 0 { return -error }
      switch sides[side].state {
      case .connecting: return -EINPROGRESS
      case .fresh: return -ENOTCONN
      default:
        sides[side].flags.insert(.connectTold)
        return 0
      }
    }
  }

  /// connect(2) with AF_UNSPEC, after a connect that has failed: the socket is as it was.
  package mutating func forgetConnect(_ descriptor: Int32) {
    guard case .side(let side) = find(descriptor, orListener: 0), sides[side].state == .closed else { return }
    let old = sides[side]
    sides[side].clear()
    sides[side].state = .fresh
    sides[side].descriptor = old.descriptor
    sides[side].sendCapacity = old.sendCapacity
    sides[side].receiveCapacity = old.receiveCapacity
  }

  mutating func beginConnect(_ side: Int, to address: SocketAddress) {
    sides[side].state = .connecting
    sides[side].remote = address
    sides[side].local = SocketAddress.loopback(port: takePort())
    sendConnect(side)
  }

  private mutating func sendConnect(_ side: Int) {
    let delay = limits.latency + delay(.connectDelay, below: 1_000_000)
    schedule(.connectArrives, for: side, after: delay)
  }

  /// A SYN at its target, which drops it, refuses it, or puts a connection into a backlog.
  mutating func connectArrives(_ side: Int) {
    guard sides[side].state == .connecting, let address = sides[side].remote else { return }
    sides[side].attempts += 1
    if choices.happens(.connectUnreachable) {
      return schedule(.connectUnreachable, for: side, after: limits.latency)
    }
    if choices.happens(.connectLost) { return repeatConnect(side) }
    guard let index = listeners.firstIndex(where: { $0.listens && $0.address.port == address.port }) else {
      return schedule(.connectRefused, for: side, after: limits.latency)
    }
    // Linux drops a SYN that finds the backlog full, and the client tries again (verified: still connecting).
    guard !listeners[index].isFull else { return repeatConnect(side) }
    let accepting = side + 1
    openSide(accepting, -1)
    sides[accepting].state = .established
    sides[accepting].flags = [.isInBacklog, .connectTold]
    sides[accepting].local = address
    sides[accepting].remote = sides[side].local
    listeners[index].waiting.append(accepting)
    schedule(.connectSucceeds, for: side, after: limits.latency)
    if choices.happens(.pathResets) {
      resetsByPath += 1
      // Before the program has asked how its connect came out, or soon after.
      scheduleReset(side)
      scheduleReset(accepting)
    }
    if listeners[index].descriptor >= 0 {
      report(listeners[index].descriptor, .input)
    } else {
      hasPeerNews = true
    }
  }

  /// After tcp(7), not measured: 1 s, then twice as long each time, until tcp_syn_retries are used up.
  private mutating func repeatConnect(_ side: Int) {
    let attempts = sides[side].attempts
    let pause = limits.connectRetry << UInt64(min(attempts - 1, 16))
    if trace.isOn { trace.add(clock, "the SYN of \(name(side)) is dropped") }
    if attempts > limits.connectRetries {
      connectFails(side, ETIMEDOUT)
    } else {
      schedule(.connectArrives, for: side, after: pause)
    }
  }

  mutating func connectSucceeds(_ side: Int) {
    guard sides[side].state == .connecting else { return }
    sides[side].state = .established
    // The SYN counts in tcpi_bytes_acked of who sent it (verified: 1 against 0).
    sides[side].written = 1
    sides[side].acknowledged = 1
    sides[side + 1].arrived = 1
    changed(side, .output)
  }

  mutating func connectFails(_ side: Int, _ error: Int32) {
    guard sides[side].state == .connecting else { return }
    sides[side].error = error
    sides[side].flags.insert(.hasFailed)
    close(stateOf: side)
    freePairIfUnused(side)
  }

  // MARK: Accepting

  /// accept4(2) that does not wait.
  package mutating func accept(_ descriptor: Int32) -> Int32 {
    guard let entry = entry(descriptor) else { return -EBADF }
    // Verified: the limit is looked at first, even when nobody waits.
    guard openDescriptors < limits.descriptors else { return -EMFILE }
    guard table[entry].kind == .listener else { return -EINVAL }
    let listener = table[entry].index
    guard listeners[listener].listens else { return -EINVAL }
    guard !listeners[listener].waiting.isEmpty else { return -EAGAIN }
    switch choices.draw(.acceptFails, below: 5) {
    case 0: break
    case 1:
      // The connection is gone with it. What it was about to be, nobody learns.
      let side = listeners[listener].waiting.removeFirst()
      sides[side].flags.remove(.isInBacklog)
      drop(side)
      resetsByPath += 1
      return -ECONNABORTED
    case 2: return -EMFILE
    case 3: return -ENFILE
    default: return -ENOMEM
    }
    let side = listeners[listener].waiting.removeFirst()
    let accepted = takeDescriptor(.stream, side)
    sides[side].descriptor = accepted
    sides[side].flags.remove(.isInBacklog)
    return accepted
  }

  /// Resets a connection that nobody on this end wants.
  mutating func drop(_ side: Int) {
    sides[side].flags.formUnion([.abandoned, .outputDropped])
    sides[side].state = .closed
    scheduleReset(side ^ 1)
    freePairIfUnused(side)
  }

  /// What waits in a backlog is reset when its listener stops (verified).
  mutating func stopListening(_ listener: Int) {
    let waiting = listeners[listener].waiting
    listeners[listener].waiting = []
    for side in waiting {
      sides[side].flags.remove(.isInBacklog)
      drop(side)
    }
  }
}
