internal import IOBuffers

/// One call of `receive(_:into:)`: the memory that its bytes go to, and whoever waits for them. Its variables belong to the
/// loop's thread, until the call is resumed.
@safe
final class ReceiveInto: @unchecked Sendable {
  // Why unchecked: touched on the loop's thread alone; the caller looks when it has been resumed, and nobody else does then.

  /// Locked for writing by the caller, who gives it back after the end.
  let room: DetachedView
  let ticket = CancellationTicket()
  /// Bytes that are there.
  private(set) var filled = 0
  /// Why the call throws.
  private(set) var error: SocketError?
  /// The call has its result, and waits for the kernel to let go of the memory.
  private(set) var isOver = false
  private var continuation: UnsafeContinuation<Void, Never>?

  init(_ room: DetachedView) {
    self.room = room
  }

  var isFull: Bool { filled == Int(room.count) }

  /// Where the next bytes go; nil when no more are wanted.
  var target: ReceiveTarget? {
    guard !isOver, !isFull else { return nil }
    // Within the room, which the caller keeps locked until it is resumed.
    return unsafe ReceiveTarget(base: room.base + filled, count: Int(room.count) - filled)
  }

  func park(_ continuation: UnsafeContinuation<Void, Never>) {
    unsafe self.continuation = continuation
  }

  /// The kernel wrote so many bytes at `target`.
  func note(_ count: Int) {
    filled += min(count, Int(room.count) - filled)
  }

  /// Copies as much as there is room for. What was received into a slot comes first.
  /// - Returns: how many bytes.
  func copy(_ view: DetachedView) -> Int {
    guard let target = unsafe target else { return 0 }
    let count = unsafe min(target.count, Int(view.count))
    // Both are locked by their holders, and the room is nobody else's.
    unsafe target.base.copyMemory(from: view.base, byteCount: count)
    filled += count
    return count
  }

  /// The call has come to its end. The first reason counts.
  func end(_ error: SocketError?) {
    guard !isOver else { return }
    isOver = true
    self.error = error
  }

  /// Nobody writes to the memory any more: lets the caller go on, once.
  func resume() {
    let waiting = unsafe continuation
    unsafe continuation = nil
    unsafe waiting?.resume()
  }
}

extension AsyncSink {
  /// Begins a call. It ends at once if enough has been received already, or nothing more will be.
  func begin(_ call: ReceiveInto, _ index: Int) {
    let state = states.place(index)
    guard unsafe state.record.receiver == nil, state.record.receiveInto == nil else {
      call.end(withEngine { $0.records[index].error(or: .busy, .receive) })
      return call.resume()
    }
    takeUnread(for: call, index)
    state.record.receiveInto = call
    if call.isFull {
      endReceiveInto(index, nil)
    } else if call.ticket.isCancelled {
      // As in `receive`: what is there is taken all the same.
      endReceiveInto(index, withEngine { SocketError(.cancelled, .receive, peer: $0.records[index].peer) })
    } else if state.record.isInputOver {
      endReceiveInto(index)
    } else {
      withEngine { $0.exchangeReceive(index) }
    }
  }

  private func takeUnread(for call: ReceiveInto, _ index: Int) {
    while !call.isFull, !states[index].unread.isEmpty,
      let view = nodes.view(at: states[index].unread.first).view
    {
      let count = call.copy(view)
      if count == Int(view.count) {
        _ = nodes.popFirst(&states[index].unread)
        view.releaseReader()
      } else {
        nodes.trimFirst(states[index].unread, by: count)
      }
      withEngine { $0.tookUnread(index, UInt32(truncatingIfNeeded: count)) }
    }
  }

  /// Bytes came into a slot, although memory of the user's own is named: those were under way already.
  /// - Returns: what there is no room for.
  func copyToCall(_ index: Int, _ view: DetachedView) -> DetachedView? {
    guard let call = states[index].receiveInto, !call.isOver else { return view }
    let count = call.copy(view)
    var rest: DetachedView? = view
    if count == Int(view.count) {
      view.releaseReader()
      rest = nil
    } else {
      rest?.removePrefix(count)
    }
    if call.isFull { endReceiveInto(index, nil) }
    return rest
  }

  /// The input is over: what has come is the result, or the reason why nothing more does.
  func endReceiveInto(_ index: Int) {
    guard states[index].receiveInto != nil else { return }
    endReceiveInto(index, inputError(index))
  }

  /// Ends the call, as soon as the kernel does not hold its memory.
  func endReceiveInto(_ index: Int, _ error: SocketError?) {
    guard let call = states[index].receiveInto else { return }
    call.end(error)
    if withEngine({ $0.holdsTarget(index) }), !planted(.resumesWhileHeld) {
      withEngine { $0.exchangeReceive(index) }
    } else {
      states[index].receiveInto = nil
      call.resume()
    }
  }
}
