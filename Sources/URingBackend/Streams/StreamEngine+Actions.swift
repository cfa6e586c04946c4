internal import CLiburing
internal import Glibc
internal import IOBuffers

extension StreamEngine {
  /// The most that one send hands to the kernel. It goes on by itself until all is sent, so this is also how much may
  /// move before the idle timeout and the water marks hear of it.
  static let maximumSendBytes = 1 << 20

  /// Asks the machine of one connection what to do, and does it. Room in the submission queue is there.
  @inline(__always)
  func settle(_ place: Place) {
    let actions = place.record.machine.decide()
    if place.record.machine.flags.contains(.blocked) { joinLineAgain(place) }
    guard !actions.isEmpty else { return }
    if actions == .startSend { return startSend(place) }
    // First, because the send that may follow names what is queued.
    if actions.contains(.compactOutput) { compactOutput(place) }
    if actions.contains(.startSend) { startSend(place) }
    settleRest(Int(place.record.index), actions)
  }

  /// What is not done once per message.
  @inline(never)
  private func settleRest(_ index: Int, _ actions: ConnectionMachine.Actions) {
    if actions.contains(.armReceive) { armReceive(index) }
    if actions.contains(.dropOutput) { dropOutput(index) }
    if actions.contains(.cancelReceive) {
      submitted(
        ring.prepareCancel(
          target: records[index].operation(records[index].receiveKind),
          userData: records[index].operation(.cancelReceive)
        )
      )
    }
    if actions.contains(.cancelSend), !withdrawFileRead(index) {
      submitted(
        ring.prepareCancel(
          target: sendInFlight(index),
          userData: records[index].operation(.cancelSend)
        )
      )
    }
    if actions.contains(.shutdownOutput) {
      submitted(
        ring.prepareShutdown(
          records[index].descriptor,
          how: Int32(SHUT_WR),
          userData: records[index].operation(.shutdown)
        )
      )
    }
    if actions.contains(.armWatch) { armWatch(index) }
    if actions.contains(.cancelWatch) {
      submitted(
        ring.prepareCancel(
          target: records[index].operation(.watch),
          userData: records[index].operation(.cancelWatch)
        )
      )
    }
    if actions.contains(.startLinger), !planted(.forgetsLinger) { armTimer(index, .acknowledge) }
    if actions.contains(.closeDescriptor) { closeDescriptor(index) }
  }

  private func closeDescriptor(_ index: Int) {
    let descriptor = records[index].descriptor
    if records[index].machine.flags.contains(.resets) { sockets.resetOnClose(descriptor) }
    if records[index].zeroCopy.pinned > 0 { resetIfTimeIsUp(index) }
    submitted(ring.prepareClose(descriptor, userData: records[index].operation(.close)))
  }

  /// `prepare…` cannot fail here: `settleDirty` reserves room for every action that one decision can ask for.
  func submitted(_ success: Bool) {
    assert(success, "the submission queue was reserved")
  }

  /// Arms the standing receive; or, while slots are scarce, joins the line; or receives a portion, when its turn has come.
  ///
  /// Never with IORING_RECVSEND_POLL_FIRST on a multishot receive: it may take the last bytes and a reset as one event,
  /// deliver the bytes, and never report the end (docs/kernel-matrix.md). The rare case that is left without it `look` finds.
  private func armReceive(_ index: Int) {
    let descriptor = records[index].descriptor
    let portion = records[index].portion
    records[index].portion = 0
    if records[index].receivesDescriptors { return armReceiveOfDescriptors(index, portion: Int(portion)) }
    if let target = unsafe receiveTarget(index) {
      records[index].receiveKind = .receiveInto
      let user = records[index].operation(.receiveInto)
      // The sink keeps it locked for writing until the completion.
      submitted(unsafe ring.prepareReceive(descriptor, base: target.base, count: target.count, userData: user))
      return
    }
    records[index].receiveKind = portion > 0 ? .receivePortion : .receive
    let user = records[index].operation(records[index].receiveKind)
    if portion > 0 {
      submitted(
        ring.prepareReceiveOnce(
          descriptor,
          group: lineBuffers.group,
          length: Int(portion),
          userData: user
        )
      )
    } else if !planted(.rearmsOnEmptyRing), pressure.isOn || (records[index].pushes && !line.isEmpty) {
      // While slots abound: the standing receive would find the open ring empty, as those in line have.
      joinLine(index, isHungry: !pressure.isOn)
    } else if loop.features.has(.multishotReceive) {
      let limit = loop.features.has(.receiveLimit) ? records[index].machine.receiveAllowance : 0
      submitted(
        ring.prepareReceiveMultishot(
          descriptor,
          group: buffers.group,
          limit: limit,
          userData: user
        )
      )
    } else {
      submitted(
        ring.prepareReceiveOnce(descriptor, group: buffers.group, length: 0, userData: user)
      )
    }
  }

  private func receiveTarget(_ index: Int) -> ReceiveTarget? {
    var target: ReceiveTarget?
    withSink(index) { sink in unsafe target = sink.receiveTarget(index) }
    return unsafe target
  }

  /// Sends what is queued: one view with a send, several with one vectored send.
  private func startSend(_ place: Place) {
    if place.record.machine.unsent >= zeroCopyThreshold, startZeroCopySend(Int(place.record.index)) { return }
    if place.record.files != FileSends.none, isFilesTurn(place) { return startFileSend(place) }
    var most = StreamEngine.maximumSendBytes
    if place.record.passesDescriptors {
      most = min(most, bytesBeforeDescriptors(Int(place.record.index)))
      if most == 0 { return armSendOfDescriptors(place) }
    }
    let queue = place.record.sendQueue
    let flags = place.record.sendFlags
    let user = place.record.operation(.send)
    let descriptor = place.record.descriptor
    let first = sendNodes.view(at: queue.first)
    guard let view = first.view else { return }
    // What the entries point at is locked by the views in the queue, which stay there until the completion; headers and
    // vectors are scratch that the kernel copies while it takes the entry.
    guard queue.count > 1, let message = unsafe beginVector(Int(queue.count)) else {
      submitted(
        unsafe ring.prepareSend(
          descriptor,
          base: UnsafeRawPointer(view.base),
          count: min(Int(view.count), most),
          flags: flags,
          userData: user
        )
      )
      return
    }
    var node = queue.first
    var bytes = 0
    while node != ViewNodes.none, bytes < most, unsafe vectors.hasRoom(message) {
      let (view, next) = sendNodes.view(at: node)
      guard let view = view else { break }
      let count = min(Int(view.count), most - bytes)
      unsafe vectors.append(view.base, count, to: message)
      bytes += count
      node = next
    }
    submitted(unsafe ring.prepareSendVector(descriptor, message: message, flags: flags, userData: user))
  }

  func beginVector(_ count: Int) -> UnsafeMutablePointer<msghdr>? {
    if let message = unsafe vectors.begin(upTo: count) { return unsafe message }
    // The scratch of this turn is used up: hand over what is prepared, and start over.
    ring.flush()
    guard ring.pendingSubmissions == 0 else { return nil }
    vectors.reset()
    return unsafe vectors.begin(upTo: count)
  }

  /// Gives back everything that is queued. The kernel holds none of it: no send is in flight, and what zero-copy sends
  /// still read has locks of their own.
  private func dropOutput(_ index: Int) {
    var dropped = 0
    while let view = sendNodes.popFirst(&records[index].sendQueue) {
      dropped += Int(view.count)
      giveBack(view)
    }
    if records[index].files != FileSends.none { dropped += dropFiles(index) }
    _ = records[index].machine.dropUnsent(dropped)
  }
}
