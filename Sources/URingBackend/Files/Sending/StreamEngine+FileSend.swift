internal import Glibc
internal import IOBuffers
internal import SystemPackage

/// Sending a file when its turn has come: everything before it is sent, so the socket is its own.
///
/// Out of the page cache, where it is: sendfile(2), called on the loop, waits for nothing then, and copies nothing. Room in the
/// socket is polled for through the ring, and that poll is the connection's send in flight. What is not in the cache is read
/// through the ring (or on a thread) into a slot, and sent from there; readahead has the next bytes in the cache by then.
extension StreamEngine {
  /// What comes before a file is most often its head, alone and small. It is sent at once, so that both go out in one turn.
  private static let mostBeforeFile = 4096

  /// Whether everything before the first file is sent: then the machine's decision to send means the file.
  func isFilesTurn(_ place: Place) -> Bool {
    guard let head = sendNodes.first(of: place.record.sendQueue) else { return place.record.sendQueue.isEmpty }
    guard place.record.sendQueue.count == 1, head.count <= StreamEngine.mostBeforeFile else { return false }
    // The queue keeps it locked. What goes wrong the ring's send meets again.
    let sent = unsafe sockets.sendNow(place.record.descriptor, UnsafeRawPointer(head.base), Int(head.count))
    guard sent > 0 else { return false }
    releaseSent(place, sent)
    noteSent(place, sent)
    return place.record.sendQueue.isEmpty
  }

  /// The most that a connection is sent of a file in one turn: about what a socket takes, so that the kernel is called once for
  /// each time that a peer has made room. A loop is busy for a few tenths of a millisecond with it.
  static let maximumFileBytes = 2 << 20

  /// Carries out the machine's decision to send.
  func startFileSend(_ place: Place) {
    let index = Int(place.record.index)
    // A withdrawn poll that has not come back is in flight: the machine would not have decided so.
    guard let send = fileSends[place.record.files] else { return }
    // One piece a turn: a handler that answers each file with another one would keep the loop from all others.
    let turn = UInt32(truncatingIfNeeded: counters.turns.current)
    guard place.record.fileTurn != turn else { return pollForRoom(place, send) }
    place.record.fileTurn = turn
    blockPipeSignal()
    let count = min(send.left, StreamEngine.maximumFileBytes)
    guard !send.mustRead, FileCall.isCached(send.file, send.offset..<send.offset + count) else {
      return startFileRead(index, send)
    }
    let sent = sockets.sendFile(place.record.descriptor, file: send.file.descriptor, at: send.offset, count: count)
    if sent > 0 {
      send.offset += sent
      noteSent(place, sent)
      send.left == 0 ? endFile(place, send) : pollForRoom(place, send)
    } else {
      fileSendRefused(place, send, Errno(rawValue: Int32(truncatingIfNeeded: -sent)))
    }
  }

  /// So many bytes are with the kernel, and the send in flight goes on.
  private func noteSent(_ place: Place, _ sent: Int) {
    counters.bytesSent.bump(by: UInt64(sent))
    place.record.lastActivity = loop.now
    if place.record.machine.noteSent(sent) { drainedOutput(place) }
  }

  /// All of the file is with the kernel, or queued in memory.
  private func endFile(_ place: Place, _ send: FileSend) {
    let index = Int(place.record.index)
    removeFirstFile(index)
    _ = place.record.machine.sendCompleted(0)
    markDirty(place)
    send.completion?(.done, send.end - send.start)
  }

  private func fileSendRefused(_ place: Place, _ send: FileSend, _ error: Errno) {
    let index = Int(place.record.index)
    switch error {
    case .resourceTemporarilyUnavailable, .interrupted, .noMemory, .noBufferSpace:
      pollForRoom(place, send)
    case .invalidArgument, .noFunction, .notSupported, .permissionDenied, .notPermitted:
      send.mustRead = true
      startFileRead(index, send)
    case Errno(rawValue: 0):
      // It was there a moment ago, when its end was looked at.
      endTurn(place)
      failFile(index, FileError(.ended, .send, path: send.file.path))
    case .ioError:
      endTurn(place)
      failFile(index, FileError(.system(error), .send, path: send.file.path))
    default:
      endTurn(place)
      breakOff(index, error, .send)
    }
  }

  /// No send is in flight: what comes next is decided anew.
  private func endTurn(_ place: Place) {
    _ = place.record.machine.sendCompleted(0)
    markDirty(place)
  }

  /// Room in the submission queue is there: a decision to send is one of those that it was reserved for.
  private func pollForRoom(_ place: Place, _ send: FileSend) {
    send.state = .polling
    place.record.isFilePolled = true
    submitted(
      ring.preparePollAdd(
        place.record.descriptor,
        events: UInt32(bitPattern: Int32(POLLOUT)),
        userData: place.record.operation(.sendFile)
      )
    )
  }

  /// There is room, or there is an error, or the poll was withdrawn: the next try tells.
  func roomForFile(_ operation: OperationID) {
    guard let place = place(operation) else { return }
    place.record.isFilePolled = false
    if let send = fileSends[place.record.files], case .polling = send.state { send.state = .idle }
    endTurn(place)
  }

  /// Where a peer has reset its connection, sendfile(2) raises SIGPIPE, which ends a process that did not ask for it, and takes no
  /// flag against that. So it is blocked on the loop's thread, and stays pending there: nobody waits for it.
  private func blockPipeSignal() {
    guard !fileSends.isPipeSignalBlocked else { return }
    fileSends.isPipeSignalBlocked = true
    guard loop.isThreaded else { return }
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGPIPE)
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
  }
}
