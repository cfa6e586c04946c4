internal import CLiburing
internal import Glibc
internal import IOBuffers
internal import Logging
internal import SystemPackage

/// Zero-copy sends. Such a send takes readers of its own on all that it names, and keeps them until the kernel's last
/// word. The readers in the connection's queue go as with a plain send: by the result. So the next send never waits for
/// a notification, a short send resumes in place, and a closed connection leaves nothing behind but the send itself.
extension StreamEngine {
  /// How long the end of a loop waits for notifications. They are due when the peer has acknowledged the bytes, which
  /// one that never reads puts off for minutes.
  static let notificationPatience: Duration = .seconds(10)

  /// Submits what is queued as a zero-copy send. False, and nothing has changed, when it has to be a plain one.
  @inline(never)
  func startZeroCopySend(_ index: Int) -> Bool {
    let policy = zeroCopy.policy
    guard records[index].zeroCopy.isAllowed else { return false }
    let room = min(policy.connectionBytes - Int(records[index].zeroCopy.pinned), policy.loopBytes - zeroCopy.pinned)
    // What is pinned is never less than what is sent.
    guard room >= policy.threshold else { return false }
    var views = ViewQueue()
    let (bytes, pinned) = shareQueued(index, room: room, into: &views)
    guard bytes >= policy.threshold, submitZeroCopy(index, views, pinned: pinned) else {
      release(&views)
      return false
    }
    return true
  }

  /// Takes readers of what the next send carries: views from the front of the queue, as long as they fit into `room`.
  private func shareQueued(_ index: Int, room: Int, into views: inout ViewQueue) -> (bytes: Int, pinned: Int) {
    var (bytes, pinned) = (0, 0)
    var node = records[index].sendQueue.first
    while node != ViewNodes.none, bytes < StreamEngine.maximumSendBytes, views.count < SendVectors.maximumPerMessage {
      let (view, next) = sendNodes.view(at: node)
      guard let view = view else { break }
      let count = min(Int(view.count), StreamEngine.maximumSendBytes - bytes)
      let more = zeroCopy.policy.pinned(by: view, sending: count)
      guard pinned + more <= room, var share = view.shareReader() else { break }
      share.count = UInt32(truncatingIfNeeded: count)
      guard sendNodes.append(share, to: &views) else {
        share.releaseReader()
        break
      }
      bytes += count
      pinned += more
      node = next
    }
    return (bytes, pinned)
  }

  private func submitZeroCopy(_ index: Int, _ views: ViewQueue, pinned: Int) -> Bool {
    guard let first = sendNodes.view(at: views.first).view else { return false }
    // As with a plain send, but the locks are readers of the send's own, kept until the kernel's last word.
    let message = unsafe views.count > 1 ? beginVector(Int(views.count)) : nil
    if unsafe views.count > 1 && message == nil { return false }
    guard let place = zeroCopy.open(records[index].id, views, pinned: pinned) else { return false }
    records[index].zeroCopy.inFlight = UInt32(place)
    records[index].zeroCopy.pinned += UInt32(pinned)
    let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_WAITALL)
    let user = zeroCopy.operation(place)
    let descriptor = records[index].descriptor
    if let message = unsafe message {
      var node = views.first
      // Where the scratch has room for some only, the others are kept for nothing until the notification.
      while node != ViewNodes.none, unsafe vectors.hasRoom(message) {
        let (view, next) = sendNodes.view(at: node)
        if let view = view { unsafe vectors.append(view.base, Int(view.count), to: message) }
        node = next
      }
      submitted(unsafe ring.prepareZeroCopySendVector(descriptor, message: message, flags: flags, userData: user))
    } else {
      submitted(
        unsafe ring.prepareZeroCopySend(
          descriptor,
          base: UnsafeRawPointer(first.base),
          count: Int(first.count),
          flags: flags,
          userData: user
        )
      )
    }
    return true
  }

  /// The operation that is a connection's send in flight.
  func sendInFlight(_ index: Int) -> UInt64 {
    let place = records[index].zeroCopy.inFlight
    if records[index].isFilePolled { return records[index].operation(.sendFile) }
    return place == ZeroCopyUse.none
      ? records[index].operation(records[index].sendKind) : zeroCopy.operation(Int(place))
  }

  // MARK: Completions

  /// A result or a notification. Whether another one follows is what `hasMore` says, and nothing else: a send that
  /// failed may owe a notification, and one that succeeded may not.
  func zeroCopyCompleted(_ completion: Completion, _ operation: OperationID) {
    guard let place = zeroCopy.find(operation) else { return }
    let connection = find(zeroCopy.sends[place].connection)
    if completion.isNotification {
      noteUsage(place, connection, copied: completion.wasCopied)
    } else if let connection {
      takeResult(place, connection, completion.result)
    }
    guard !completion.hasMore || planted(.releasesAtResult) else { return }
    if planted(.keepsAfterNotification), completion.isNotification { return }
    if let connection { records[connection].zeroCopy.pinned -= UInt32(zeroCopy.sends[place].pinned) }
    var views = zeroCopy.close(place)
    release(&views)
  }

  private func takeResult(_ place: Int, _ index: Int, _ result: Int32) {
    records[index].zeroCopy.inFlight = ZeroCopyUse.none
    if result > 0 {
      zeroCopy.sends[place].tookBytes = true
      counters.zeroCopySends.bump()
    }
    if result < 0, StreamEngine.isRefusal(Errno(rawValue: -result)) {
      counters.zeroCopyFallbacks.bump()
      records[index].zeroCopy.switchOff()
      // Nothing is lost: all of it is still queued, and goes out with the next send, a plain one.
      sendEnded(records.place(index), 0)
    } else {
      sendEnded(records.place(index), result)
    }
  }

  private func noteUsage(_ place: Int, _ connection: Int?, copied: Bool) {
    // The kernel calls copied what it never came to send.
    guard zeroCopy.sends[place].tookBytes else { return }
    if copied { counters.zeroCopyCopied.bump() }
    if let connection { records[connection].zeroCopy.report(copied: copied) }
  }

  /// Whether an error is about zero-copy rather than about the connection: the protocol or the kernel does not support
  /// it, the limit of locked memory (RLIMIT_MEMLOCK) is reached, a policy forbids it, the memory cannot be pinned.
  static func isRefusal(_ errno: Errno) -> Bool {
    switch errno {
    case .noMemory, .noBufferSpace, .invalidArgument, .notSupportedOnSocket, .notPermitted, .permissionDenied,
      .badAddress:
      true
    default: false
    }
  }

  private func release(_ views: inout ViewQueue) {
    while let view = sendNodes.popFirst(&views) { view.releaseReader() }
  }

  // MARK: Ends

  /// A connection whose time is up is closed, and the kernel still reads memory for it. A peer that does not read would
  /// have that memory locked for minutes, so the close is a reset. Other ends leave the bytes to the kernel, as ever.
  func resetIfTimeIsUp(_ index: Int) {
    switch records[index].failure {
    case .timedOut, .idle, .shuttingDown: sockets.resetOnClose(records[index].descriptor)
    default: break
    }
  }

  /// Sees to it that the loop's end waits for notifications, but not for ever.
  func limitWaitForNotifications() {
    guard zeroCopy.policy.isOn else { return }
    let deadline = LoopClock.deadline(after: StreamEngine.notificationPatience, from: loop.now)
    _ = loop.timers.arm(deadline, .notice { [weak self] in self?.stopWaitingForNotifications() })
  }

  /// The loop may end although the kernel still reads. The views are never released then, so the memory stays as it is.
  private func stopWaitingForNotifications() {
    ignoresNotifications = true
    guard zeroCopy.inUse > 0 else { return }
    loop.logger?.warning(
      "peers have not acknowledged zero-copy sends; their memory is left to the kernel",
      metadata: ["loop": "\(loop.index)", "sends": "\(zeroCopy.inUse)", "bytes": "\(zeroCopy.pinned)"]
    )
  }
}
