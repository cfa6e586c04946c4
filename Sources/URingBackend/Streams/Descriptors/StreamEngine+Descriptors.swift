internal import CLiburing
internal import Glibc
internal import IOBuffers
internal import SystemPackage

/// Descriptors that pass over Unix streams: SCM_RIGHTS, unix(7). Loop thread only.
///
/// A plain receive loses them: the kernel closes what nobody asks for. A connection that wants them never has a standing receive. It polls,
/// and when something is there one recvmsg(2) that does not wait takes bytes and descriptors. What is sent with descriptors
/// goes out the same way, because their control message would have to stand still while a send waits. So both drivers need nothing new, and
/// the kernel never holds memory of these.
extension StreamEngine {
  /// Of one receive.
  static let descriptorReceiveBytes = 64 << 10
  /// How long a receive that found no memory waits before it tries again.
  static let descriptorRetryInterval: UInt64 = 10_000_000

  private func traffic(_ index: Int) -> DescriptorTraffic {
    if let traffic = descriptorTraffic[index] { return traffic }
    let made = DescriptorTraffic()
    descriptorTraffic[index] = made
    return made
  }

  /// The peer of this connection may pass descriptors.
  func receiveDescriptors(_ index: Int, atMost limit: Int) {
    traffic(index).limit = limit
    records[index].receivesDescriptors = true
  }

  /// The oldest that were received; they are the caller's.
  func takeDescriptors(_ id: ConnectionID, _ count: Int) -> [Int32] {
    guard let index = find(id), count > 0 else { return [] }
    return descriptorTraffic[index]?.take(count) ?? []
  }

  // MARK: Receiving

  /// - Parameter portion: what may be received, because it is the connection's turn; zero: it is not.
  func armReceiveOfDescriptors(_ index: Int, portion: Int) {
    // As every other receive while slots are scarce.
    if portion == 0, pressure.isOn { return joinLine(index, isHungry: false) }
    let allowance = Int(records[index].machine.receiveAllowance)
    traffic(index).portion = min(portion > 0 ? portion : allowance, StreamEngine.descriptorReceiveBytes)
    records[index].receiveKind = .receiveReady
    submitted(
      ring.preparePollAdd(
        records[index].descriptor,
        events: UInt32(POLLIN),
        userData: records[index].operation(.receiveReady)
      )
    )
  }

  /// Something is there, or the poll was cancelled.
  func receiveReadyCompleted(_ completion: Completion, _ operation: OperationID) {
    guard let place = place(operation) else { return }
    let index = Int(operation.index)
    markDirty(place)
    // Whoever takes a receive back wants nothing more; or memory of its own is named, which the next one finds.
    let isTakenBack = place.record.machine.flags.contains(.receiveCancelling)
    place.record.machine.receiveCompleted(more: false)
    guard completion.result > 0 else { return receiveEnded(index, completion.result < 0 ? completion.result : -EAGAIN) }
    if !isTakenBack { receiveWithDescriptors(index) }
  }

  private func receiveWithDescriptors(_ index: Int) {
    var received: ReceivedWithDescriptors?
    withSink(index) { sink in
      // Memory of the user's own, which stays locked until `filled`.
      guard let target = unsafe sink.receiveTarget(index) else { return }
      let memory = unsafe UnsafeMutableRawBufferPointer(start: target.base, count: target.count)
      received = unsafe sockets.receiveWithDescriptors(records[index].descriptor, into: memory)
    }
    if let received {
      let isAccepted = accept(received, index)
      let count = isAccepted ? max(0, received.count) : 0
      note(received: count, index)
      withSink(index) { $0.filled(index, count) }
      if isAccepted, received.count <= 0 { receiveEnded(index, Int32(truncatingIfNeeded: received.count)) }
    } else {
      receiveIntoCopy(index)
    }
  }

  private func receiveIntoCopy(_ index: Int) {
    let descriptor = records[index].descriptor
    let there = sockets.readableBytes(of: descriptor)
    // Without any there is an end or an error, which takes no memory but some.
    let room = max(1, min(there, traffic(index).portion))
    var received = ReceivedWithDescriptors(count: 0)
    let filled = unsafe memory.copies.fill(room, chargedTo: account(index)) { memory in
      received = unsafe sockets.receiveWithDescriptors(descriptor, into: memory)
      return received.count
    }
    guard let filled else { return retryReceive(index) }
    guard accept(received, index) else {
      filled?.releaseReader()
      return
    }
    guard let view = filled else { return receiveEnded(index, Int32(truncatingIfNeeded: received.count)) }
    records[index].pushes = there > received.count
    note(received: Int(view.count), index)
    guard records[index].machine.delivers else { return view.releaseReader() }
    hand(view, to: records.place(index))
  }

  /// Takes over the descriptors. False, and the connection is broken, if they are not all there, or too many.
  private func accept(_ received: ReceivedWithDescriptors, _ index: Int) -> Bool {
    guard !received.descriptors.isEmpty || received.isCut else { return true }
    let isTaken = traffic(index).receive(received.descriptors)
    if received.isCut { breakOff(index, .tooManyOpenFiles, .receive) }
    if !isTaken { breakOff(index, .tooManyReferences, .receive) }
    return isTaken && !received.isCut
  }

  private func note(received count: Int, _ index: Int) {
    guard count > 0 else { return }
    counters.messagesReceived.bump()
    counters.bytesReceived.bump(by: UInt64(count))
    if records[index].machine.delivers { records[index].lastActivity = loop.now }
  }

  /// There was no memory: the bytes stay in the socket for a moment.
  private func retryReceive(_ index: Int) {
    records[index].machine.starve()
    let id = records[index].id
    _ = loop.timers.arm(
      loop.now &+ StreamEngine.descriptorRetryInterval,
      .notice { [self] in
        guard let index = find(id), records[index].machine.flags.contains(.starved) else { return }
        _ = records[index].machine.feed()
        markDirty(index)
      }
    )
  }

  // MARK: Sending

  /// Queues a view, and descriptors that go out with its first byte, which are the engine's from here on.
  /// - Returns: the outcome, or why nothing of it is sent: both are given back then.
  func send(_ view: DetachedView, passing descriptors: [Int32], on index: Int) -> Result<SendOutcome, Errno> {
    if descriptors.isEmpty { return .success(send(view, on: index)) }
    let list = DescriptorList(adopting: descriptors)
    let queued = descriptorTraffic[index]?.queued ?? 0
    let problem: Errno? =
      if records[index].peer?.family != .unix {
        .notSupportedOnSocket
      } else if view.count == 0 || descriptors.count > DescriptorList.maximumCount {
        .invalidArgument
      } else if queued + descriptors.count > DescriptorTraffic.mostQueued {
        .tooManyReferences
      } else if records[index].files != FileSends.none {
        // Where in the stream they belong is counted in bytes, and those of a file may be given up.
        .resourceBusy
      } else {
        nil
      }
    if let problem {
      view.releaseReader()
      return .failure(problem)
    }
    let unsent = records[index].machine.unsent
    let outcome = send(view, on: index)
    guard outcome != .refused else { return .success(.refused) }
    traffic(index).queue(list.take(), behind: unsent)
    records[index].passesDescriptors = true
    return .success(outcome)
  }

  func bytesBeforeDescriptors(_ index: Int) -> Int { descriptorTraffic[index]?.bytesBefore ?? .max }

  /// Waits until the socket takes something; what is sent then begins with descriptors.
  func armSendOfDescriptors(_ place: Place) {
    place.record.sendKind = .sendReady
    let user = place.record.operation(.sendReady)
    submitted(ring.preparePollAdd(place.record.descriptor, events: UInt32(POLLOUT), userData: user))
  }

  func sendReadyCompleted(_ completion: Completion, _ operation: OperationID) {
    guard let place = place(operation) else { return }
    place.record.sendKind = .send
    guard completion.result > 0 else { return sendEnded(place, completion.result < 0 ? completion.result : -EAGAIN) }
    let isTakenBack = place.record.machine.flags.contains(.sendCancelling)
    sendEnded(place, isTakenBack ? -ECANCELED : sendWithDescriptors(Int(operation.index)))
  }

  private func sendWithDescriptors(_ index: Int) -> Int32 {
    guard let next = traffic(index).next, let view = sendNodes.view(at: records[index].sendQueue.first).view else {
      return -EAGAIN
    }
    let count = min(Int(view.count), next.bytes, StreamEngine.maximumSendBytes)
    // Locked by the view in the queue, which stays there until `sendEnded`.
    let bytes = unsafe UnsafeRawBufferPointer(start: view.base, count: count)
    return Int32(clamping: unsafe sockets.send(records[index].descriptor, bytes, passing: next.descriptors))
  }

  /// Bytes were sent, in whichever way.
  func noteSent(_ count: Int, _ index: Int) {
    guard let traffic = descriptorTraffic[index] else { return }
    traffic.noteSent(count)
    records[index].passesDescriptors = traffic.hasQueued
    if !traffic.hasQueued, !records[index].receivesDescriptors { descriptorTraffic[index] = nil }
  }
}
