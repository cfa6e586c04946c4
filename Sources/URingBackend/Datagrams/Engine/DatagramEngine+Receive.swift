internal import CLiburing
internal import IOBuffers
internal import SystemPackage

extension DatagramEngine {
  // MARK: Arming

  func armReceive(_ place: Place) {
    guard let slots = slots[place.record.slots] else { return }
    let user = place.record.operation(.receiveDatagrams)
    let flags = place.record.family == .unix ? SLUICE_CMSG_CLOEXEC : 0
    let isArmed: Bool
    if isMultishot {
      // The header is the record's, and the record is the socket's.
      isArmed = unsafe ring.prepareReceiveMessages(
        place.record.descriptor,
        header: place.record.header,
        group: slots.buffers.group,
        flags: flags,
        userData: user
      )
    } else {
      guard let slot = takeSlot(slots) else { return starve(place, slots) }
      place.record.slot = slot
      place.record.describe(slot)
      // The header, and the slot that it names, are the record's until the completion.
      isArmed = unsafe ring.prepareReceiveMessage(
        place.record.descriptor,
        header: place.record.header,
        flags: flags,
        userData: user
      )
    }
    assert(isArmed, "the submission queue was reserved")
    place.record.flags.insert(.receiveArmed)
  }

  /// One slot of the arena, for the kernel to write to.
  private func takeSlot(_ slots: DatagramSlots) -> DetachedView? {
    var taken: DetachedView?
    unsafe withUnsafeTemporaryAllocation(of: DetachedView.self, capacity: 1) { out in
      // The arena initializes what it reports.
      if unsafe arena.takeForKernel(slotBytes: slots.plan.slotBytes, into: out) == 1 { taken = unsafe out[0] }
    }
    return taken
  }

  // MARK: Completions

  func receiveCompleted(_ completion: Completion, _ operation: OperationID) {
    guard let place = place(operation), let slots = slots[place.record.slots] else { return }
    let view = isMultishot ? slots.buffers.take(completion) : takeFilled(place, completion)
    if !completion.hasMore {
      place.record.flags.subtract([.receiveArmed, .receiveCancelling])
      markDirty(place)
    }
    if let view {
      deliver(view, to: place, slots)
    } else if completion.result < 0 {
      receiveFailed(place, slots, Errno(rawValue: -completion.result))
    }
  }

  /// What a receive without provided buffers has filled, brought into the form that one with them has.
  private func takeFilled(_ place: Place, _ completion: Completion) -> DetachedView? {
    guard let slot = place.record.slot else { return nil }
    place.record.slot = nil
    guard completion.result >= 0 else {
      slot.releaseFromKernel()
      return nil
    }
    let room = Int(slot.count) - place.record.layout.payloadOffset
    let count = min(Int(completion.result), room)
    let header = place.record.received(UInt32(truncatingIfNeeded: count))
    let view = slot.filled(at: 0, count: place.record.layout.payloadOffset + count, last: true)
    // Nobody else has the reader yet, and the kernel has not written there: the layout begins with the header.
    unsafe header.write(to: view.base)
    return view
  }

  @inline(__always)
  private func deliver(_ view: DetachedView, to place: Place, _ slots: DatagramSlots) {
    guard
      var message = ReceivedMessage(view, layout: place.record.layout, localPort: place.record.localPort)
    else {
      // Less than what stands in front of every datagram: not the kernel's doing.
      counters.datagramsDropped.bump()
      return view.releaseReader()
    }
    counters.datagramsReceived.bump()
    counters.bytesReceived.bump(by: UInt64(message.payloadCount))
    if message.controlLength > 0 || !message.flags.isEmpty { note(&message, place) }
    if slots.isScarce, !admit(message, place, slots) {
      counters.datagramsDropped.bump()
      return message.release()
    }
    guard !place.record.flags.contains(.isClosing) else { return message.release() }
    withSink(place) { $0.received(Int(place.record.index), message) }
  }

  /// What came beside the bytes and is the engine's to know.
  private func note(_ message: inout ReceivedMessage, _ place: Place) {
    if message.flags.contains(.isTruncated) { counters.datagramsTruncated.bump() }
    if let drops = message.control.first(ControlMessage.socket, ControlMessage.queueOverflow)?.load(as: UInt32.self) {
      counters.datagramsDropped.bump(by: UInt64(drops &- place.record.kernelDrops))
      place.record.kernelDrops = drops
    }
    if message.flags.contains(.hasDescriptors) { message.keepDescriptors(atMost: place.record.maximumDescriptors) }
  }

  private func receiveFailed(_ place: Place, _ slots: DatagramSlots, _ errno: Errno) {
    switch errno {
    case .noBufferSpace, .noMemory:
      slots.buffers.noteDry()
      starve(place, slots)
    case .canceled, .interrupted, .resourceTemporarilyUnavailable: break
    case let errno where DatagramEngine.isReport(errno):
      counters.datagramErrors.bump()
      report(SocketError(.system(errno), .receive, peer: place.record.peer), to: place)
    default:
      abort(place, SocketError(.system(errno), .receive, peer: place.record.peer))
    }
  }

  /// Whether an error says what became of an earlier datagram, and nothing of the socket: ICMP messages (ip(7), RFC 1122,
  /// section 4.1.3.3), and a peer that is gone (unix(7)).
  static func isReport(_ errno: Errno) -> Bool {
    switch errno {
    case .connectionRefused, .noRouteToHost, .networkUnreachable, .hostIsDown, .networkDown, .connectionReset,
      .messageTooLong, .protocolError, .protocolNotAvailable, .permissionDenied, .notPermitted, .socketNotConnected,
      .timedOut, .notSupportedOnSocket:
      true
    default: false
    }
  }

  func report(_ error: SocketError, to place: Place) {
    guard !place.record.flags.contains(.isClosing) else { return }
    withSink(place) { $0.failed(Int(place.record.index), error) }
  }

  func receiveCancelCompleted(_ completion: Completion, _ operation: OperationID) {
    // Not found: its last completion is on its way, or it was between two tries. In the latter case once more.
    guard completion.result < 0, let place = place(operation), place.record.flags.contains(.receiveArmed) else {
      return
    }
    place.record.flags.remove(.receiveCancelling)
    markDirty(place)
  }

  // MARK: Requests

  /// Stops or resumes receiving.
  func pause(_ place: Place, _ paused: Bool) {
    guard place.record.flags.contains(.isPaused) != paused else { return }
    if paused { place.record.flags.insert(.isPaused) } else { place.record.flags.remove(.isPaused) }
    markDirty(place)
  }
}
