internal import IOBuffers
internal import SystemPackage

extension StreamEngine {
  /// Sends a completion to the code for its kind of operation. Those of every message come first.
  @inline(__always)
  func dispatch(_ completion: Completion, _ operation: OperationID) {
    switch operation.kindByte {
    case OperationKind.receive.rawValue: receiveCompleted(completion, operation)
    case OperationKind.send.rawValue: sendCompleted(completion, operation)
    default: dispatchRare(completion, operation)
    }
  }

  private func dispatchRare(_ completion: Completion, _ operation: OperationID) {
    switch operation.kind {
    case .shutdown: shutdownCompleted(operation)
    case .close: closeCompleted(operation)
    case .accept: acceptCompleted(completion, operation)
    case .connect: connectCompleted(completion, operation)
    case .cancelReceive: receiveCancelCompleted(completion, operation)
    case .cancelSend: sendCancelCompleted(completion, operation)
    case .cancelAccept: acceptCancelCompleted(completion, operation)
    case .sendZeroCopy: zeroCopyCompleted(completion, operation)
    case .receivePortion: portionCompleted(completion, operation)
    case .receiveInto: receiveIntoCompleted(completion, operation)
    case .watch: watchCompleted(completion, operation)
    case .cancelWatch: watchCancelCompleted(completion, operation)
    case .cancelConnect: connectCancelCompleted(completion, operation)
    case .receiveReady: receiveReadyCompleted(completion, operation)
    case .sendReady: sendReadyCompleted(completion, operation)
    case .sendFile: roomForFile(operation)
    case .wake, .receive, .send, nil: break
    // A guest's: they never come here.
    case .receiveDatagrams, .sendDatagram, .cancelReceiveDatagrams, .cancelSendDatagrams, .closeDatagramSocket,
      .pollDatagramOutput, .file, .cancelFile:
      break
    }
  }

  // MARK: Receive

  private func receiveCompleted(_ completion: Completion, _ operation: OperationID) {
    // The slot's accounts are kept whoever the completion was for; an error may carry a slot too.
    receiveCompleted(completion, operation, completion.bufferID == nil ? nil : buffers.take(completion))
  }

  /// The same, of a connection whose turn it was: the slot is of the line's ring.
  private func portionCompleted(_ completion: Completion, _ operation: OperationID) {
    receiveCompleted(completion, operation, completion.bufferID == nil ? nil : lineBuffers.take(completion))
  }

  @inline(__always)
  private func receiveCompleted(_ completion: Completion, _ operation: OperationID, _ view: DetachedView?) {
    guard let place = place(operation) else {
      view?.releaseReader()
      return
    }
    let isPlanted = planted(.ignoresMore) && completion.result > 0
    let isDropped = planted(.dropsLateBytes) && place.record.machine.flags.contains(.receiveCancelling)
    place.record.machine.receiveCompleted(more: completion.hasMore || isPlanted)
    if let view = view {
      place.record.pushes = completion.socketHasMore
      isDropped ? view.releaseReader() : deliver(view, to: place)
    } else if completion.result <= 0 {
      receiveEnded(Int(operation.index), completion)
    } else {
      // Bytes in memory that nobody can name: the stream has a hole, so it ends here.
      abort(Int(operation.index), .system(.ioError))
    }
    // Most messages leave nothing to decide: the receive stands, and what a sink queued has marked the record itself.
    if !completion.hasMore || place.record.machine.mustPauseInput { markDirty(place) }
  }

  /// The same, into memory of the user's own: the kernel holds it no more.
  private func receiveIntoCompleted(_ completion: Completion, _ operation: OperationID) {
    guard let place = place(operation) else { return }
    let index = Int(operation.index)
    place.record.machine.receiveCompleted(more: false)
    let count = max(0, Int(completion.result))
    if count > 0 {
      counters.messagesReceived.bump()
      counters.bytesReceived.bump(by: UInt64(count))
      place.record.lastActivity = loop.now
    }
    withSink(place) { $0.filled(index, count) }
    if completion.result <= 0 { receiveEnded(index, completion) }
    markDirty(place)
  }

  @inline(__always)
  private func deliver(_ view: DetachedView, to place: Place) {
    let count = view.count
    counters.messagesReceived.bump()
    counters.bytesReceived.bump(by: UInt64(count))
    if place.record.machine.delivers {
      place.record.lastActivity = loop.now
      let view = pressure.isOn ? moveOut(view, Int(place.record.index)) : view
      hand(view, to: place)
    } else {
      // No progress either: nobody takes it.
      view.releaseReader()
    }
  }

  private func receiveEnded(_ index: Int, _ completion: Completion) { receiveEnded(index, completion.result) }

  /// Gives bytes to whom they are for.
  @inline(__always)
  func hand(_ view: DetachedView, to place: Place) {
    if place.record.isRelayed { return relay(view, from: Int(place.record.index)) }
    withSink(place) { $0.received(Int(place.record.index), view) }
  }

  func receiveEnded(_ index: Int, _ result: Int32) {
    switch Errno(rawValue: -result) {
    case .canceled where planted(.takesCancelledForEnd): endInput(index)
    case .noBufferSpace where planted(.rearmsOnEmptyRing): break
    case .noBufferSpace where records[index].receiveKind != .receiveInto:
      joinLine(index, isHungry: true)
      if records[index].receiveKind == .receive { buffers.noteDry() }
    case .canceled, .interrupted, .resourceTemporarilyUnavailable:
      // Cancelled by us, or nothing there yet: the next decision arms it again if it is wanted.
      break
    case Errno(rawValue: 0):
      endInput(index)
    case let errno:
      if planted(.takesResetForEnd) { return endInput(index) }
      breakOff(index, errno, .receive)
    }
  }

  /// The peer has ended its stream.
  func endInput(_ index: Int) {
    guard !records[index].machine.flags.contains(.inputEnded) || planted(.tellsEndTwice) else { return }
    guard !hasLostPeer(index) else { return breakOff(index, .connectionReset, .receive) }
    records[index].machine.inputEnd()
    markDirty(index)
    guard !records[index].machine.flags.contains(.closing) else { return }
    if records[index].isRelayed { return relayEnd(from: index) }
    withSink(index) { $0.inputEnded(index) }
  }

  /// Whether what looks like the end of the stream is a reset. A send that meets one behind bytes of its own takes the error
  /// and reports the bytes alone; a receive then finds nothing but that all is over, as after a FIN. What that send left is
  /// still queued, and the socket, which has sent no FIN, has no peer any more. See send(2), SO_ERROR in socket(7).
  private func hasLostPeer(_ index: Int) -> Bool {
    let machine = records[index].machine
    guard machine.unsent > 0, machine.flags.isDisjoint(with: [.outputEnded, .shutdownInFlight]) else { return false }
    return !planted(.trustsEndAfterShortSend) && !sockets.hasPeer(records[index].descriptor)
  }

  /// The connection is broken, whichever operation met it: a reset ends both directions, and is no end of stream.
  func breakOff(_ index: Int, _ errno: Errno, _ operation: SocketError.Operation) {
    guard !records[index].machine.flags.contains(.broken) else { return }
    fail(index, .system(errno), operation)
    records[index].machine.breakOff()
    records[index].hasEndNotice = true
    markDirty(index)
  }

  private func receiveCancelCompleted(_ completion: Completion, _ operation: OperationID) {
    guard completion.result < 0, let index = find(operation) else { return }
    if records[index].machine.flags.contains(.receiveArmed) {
      records[index].machine.receiveCancelMissed()
      markDirty(index)
    }
  }

  // MARK: Send

  private func sendCompleted(_ completion: Completion, _ operation: OperationID) {
    guard let place = place(operation) else { return }
    sendEnded(place, completion.result)
  }

  /// A send, of whichever kind, has its result.
  @inline(__always)
  func sendEnded(_ place: Place, _ result: Int32) {
    let isForgotten =
      planted(.forgetsProgressOfCancelledSend) && place.record.machine.flags.contains(.sendCancelling)
    let sent = isForgotten ? 0 : max(0, Int(result))
    counters.bytesSent.bump(by: UInt64(sent))
    releaseSent(place, sent)
    if place.record.passesDescriptors { noteSent(sent, Int(place.record.index)) }
    place.record.lastActivity = loop.now
    let drained = place.record.machine.sendCompleted(sent)
    if result < 0 { sendFailed(Int(place.record.index), Errno(rawValue: -result)) }
    if place.record.reportsSent, sent > 0 { withSink(place) { $0.sent(Int(place.record.index), sent) } }
    if drained, !planted(.forgetsDrained) { drainedOutput(place) }
    if place.record.machine.hasWorkAfterSend { markDirty(place) }
  }

  /// Tells that what is unsent fell to the low-water mark.
  func drainedOutput(_ place: Place) {
    if place.record.isRelayed { return relayDrained(Int(place.record.index)) }
    withSink(place) { $0.outputDrained(Int(place.record.index)) }
  }

  private func sendFailed(_ index: Int, _ errno: Errno) {
    switch errno {
    case .interrupted, .resourceTemporarilyUnavailable, .canceled, .noBufferSpace, .noMemory:
      // What is queued goes out with the next decision, unless the connection is being aborted.
      break
    default:
      breakOff(index, errno, .send)
    }
  }

  /// Gives back the views of what the kernel has sent; the rest of a short send stays at the front of the queue.
  @inline(__always)
  func releaseSent(_ place: Place, _ sent: Int) {
    var left = sent
    while left > 0 {
      guard let view = sendNodes.popFirst(&place.record.sendQueue, ifAtMost: left) else {
        if planted(.forgetsShortSend) { return dropRest(of: place, behind: left) }
        sendNodes.trimFirst(place.record.sendQueue, by: left)
        return
      }
      left -= Int(view.count)
      giveBack(view)
    }
  }

  /// What a planted fault does with the rest of a short send.
  private func dropRest(of place: Place, behind sent: Int) {
    guard let view = sendNodes.popFirst(&place.record.sendQueue) else { return }
    _ = place.record.machine.dropUnsent(Int(view.count) - sent)
    view.releaseReader()
  }

  /// Gives back a view that was in the queue of what is to be sent.
  @inline(__always)
  func giveBack(_ view: DetachedView) {
    if planted(.leaksSentView) || planted(.releasesAtSubmission) { return }
    view.releaseReader()
  }

  private func sendCancelCompleted(_ completion: Completion, _ operation: OperationID) {
    guard completion.result < 0, let index = find(operation) else { return }
    if records[index].machine.flags.contains(.sendInFlight) {
      records[index].machine.sendCancelMissed()
      markDirty(index)
    }
  }

  // MARK: Ends

  private func shutdownCompleted(_ operation: OperationID) {
    guard let index = find(operation) else { return }
    records[index].machine.shutdownCompleted()
    markDirty(index)
  }

  private func closeCompleted(_ operation: OperationID) {
    guard let index = find(operation) else { return }
    retire(index)
  }
}
