internal import CLiburing
internal import IOBuffers
internal import SystemPackage

extension DatagramEngine {
  // MARK: Requests

  /// Hands a datagram to the kernel, which owns the view until the completion. False: it was refused, because the socket is
  /// being closed, or has as much with the kernel as it may. A refused view is released.
  ///
  /// - Parameters:
  ///   - address: where to; nil: where the socket is connected to.
  ///   - local: the address that it goes out from; nil: the kernel chooses.
  ///   - segment: the bytes are datagrams of so many bytes each; 0: they are one.
  @inline(__always)
  func send(
    _ view: DetachedView,
    on place: Place,
    to address: SocketAddress?,
    from local: SocketAddress? = nil,
    ecn: ECNCodepoint? = nil,
    segment: Int = 0
  ) -> Bool {
    guard hasRoom(place, Int(view.count)) else { return refuse(view, place) }
    if segment > 0, segment < Int(view.count) {
      return sendSegments(view, on: place, to: address, from: local, ecn: ecn, segment: segment)
    }
    guard let pending = sends.take() else { return refuse(view, place) }
    if address == nil, local == nil, ecn == nil {
      pending.record.hasHeader = false
    } else {
      fill(pending, view, on: place, to: address, from: local, ecn: ecn, segment: 0)
    }
    start(pending, view, on: place)
    return true
  }

  /// The same with descriptors for the other side, which are ours from here on.
  func send(_ view: DetachedView, on place: Place, to address: SocketAddress?, passing descriptors: [Int32]) -> Bool {
    guard hasRoom(place, Int(view.count)), let pending = sends.take() else {
      _ = DescriptorList(adopting: descriptors)
      return refuse(view, place)
    }
    pending.record.hasHeader = true
    pending.record.fill(view, to: address)
    pending.record.addDescriptors(descriptors)
    start(pending, view, on: place)
    return true
  }

  /// Whether so many bytes more may be with the kernel. One datagram always may.
  @inline(__always)
  func hasRoom(_ place: Place, _ count: Int) -> Bool {
    place.record.acceptsSends && place.record.sendsInFlight < place.record.sendLimit
      && (place.record.sendBytes &+ count <= place.record.sendByteLimit || place.record.sendsInFlight == 0)
  }

  @inline(never)
  func refuse(_ view: DetachedView, _ place: Place) -> Bool {
    view.releaseReader()
    if place.record.flags.contains(.isOpen) { place.record.flags.insert(.isFull) }
    counters.datagramsRefused.bump()
    return false
  }

  @inline(__always)
  func fill(
    _ pending: DatagramSends.Place,
    _ view: DetachedView,
    on place: Place,
    to address: SocketAddress?,
    from local: SocketAddress?,
    ecn: ECNCodepoint?,
    segment: Int
  ) {
    pending.record.hasHeader = true
    pending.record.segment = UInt16(truncatingIfNeeded: segment)
    pending.record.fill(view, to: address)
    guard local != nil || ecn != nil || segment > 0 else { return }
    let isIPv6 = (address ?? place.record.peer)?.family == .ipv6
    pending.record.addControl(from: local, ecn: ecn, isIPv6: isIPv6, segment: segment)
  }

  @inline(__always)
  func start(_ pending: DatagramSends.Place, _ view: DetachedView, on place: Place) {
    pending.record.view = view
    pending.record.socket = place.record.index
    place.record.sendsInFlight &+= 1
    place.record.sendBytes &+= Int(view.count)
    if !submit(pending, on: place) { unsubmitted.append(pending.record.index) }
  }

  @inline(__always)
  func submit(_ pending: DatagramSends.Place, on place: Place) -> Bool {
    guard let view = pending.record.view else { return true }
    // Bytes and header are the pending datagram's until the completion.
    if pending.record.hasHeader {
      return unsafe ring.prepareSendVector(
        place.record.descriptor,
        message: pending.record.header,
        flags: place.record.sendFlags,
        userData: pending.record.operation.rawValue
      )
    }
    return unsafe ring.prepareSend(
      place.record.descriptor,
      base: UnsafeRawPointer(view.base),
      count: Int(view.count),
      flags: place.record.sendFlags,
      userData: pending.record.operation.rawValue
    )
  }

  /// Submits what the queue had no room for.
  func submitWaitingSends() {
    while let index = unsubmitted.first {
      let pending = sends.place(index)
      guard submit(pending, on: records.place(Int(pending.record.socket))) else { return }
      unsubmitted.removeFirst()
    }
  }

  // MARK: Completions

  func sendCompleted(_ completion: Completion, _ operation: OperationID) {
    guard let pending = sends.place(operation), let view = pending.record.view else { return }
    // Open as long as a send of it is with the kernel.
    let place = records.place(Int(pending.record.socket))
    if completion.result >= 0 {
      counters.datagramsSent.bump(by: pending.record.datagramCount)
      counters.bytesSent.bump(by: UInt64(view.count))
    } else if sendFailed(pending, view, on: place, Errno(rawValue: -completion.result)) {
      return
    }
    finish(pending, view, on: place)
  }

  @inline(__always)
  func finish(_ pending: DatagramSends.Place, _ view: DetachedView, on place: Place) {
    sends.giveBack(pending)
    place.record.sendsInFlight &-= 1
    place.record.sendBytes &-= Int(view.count)
    view.releaseReader()
    guard !place.record.flags.isDisjoint(with: [.isFull, .isClosing]) else { return }
    noteSent(place)
  }

  private func noteSent(_ place: Place) {
    if place.record.flags.contains(.isClosing) { return markDirty(place) }
    guard
      place.record.sendsInFlight <= place.record.sendLimit / 2,
      place.record.sendBytes <= place.record.sendByteLimit / 2
    else { return }
    place.record.flags.remove(.isFull)
    withSink(place) { $0.writable(Int(place.record.index)) }
  }

  /// Whether a failed send goes on.
  private func sendFailed(
    _ pending: DatagramSends.Place,
    _ view: DetachedView,
    on place: Place,
    _ errno: Errno
  ) -> Bool {
    let mayGoOn = !place.record.flags.contains(.isClosing)
    switch errno {
    case .canceled: break
    case .resourceTemporarilyUnavailable where isToldOfRoom(place) && mayGoOn:
      block(pending, on: place)
      return true
    case .ioError where pending.record.segment > 0 && mayGoOn,
      .invalidArgument where pending.record.segment > 0 && mayGoOn:
      // EIO: the device cannot do it. EINVAL: the path does not have segments so large, or the kernel does not know it.
      place.record.largestSegment =
        errno == .ioError ? 0 : min(place.record.largestSegment, Int(pending.record.segment) - 1)
      sendSingly(pending, view, on: place)
      return true
    case .connectionRefused where isEarlier(place) && !pending.record.wasRetried && mayGoOn:
      // This one has not been sent.
      counters.datagramErrors.bump()
      report(SocketError(.system(errno), .send, peer: place.record.peer), to: place)
      pending.record.wasRetried = true
      if !submit(pending, on: place) { unsubmitted.append(pending.record.index) }
      return true
    default:
      counters.datagramErrors.bump()
      report(SocketError(.system(errno), .send, peer: pending.record.destination ?? place.record.peer), to: place)
    }
    return false
  }

  /// Whether a poll says when there is room: not on a Unix socket that is connected to nobody.
  private func isToldOfRoom(_ place: Place) -> Bool {
    place.record.flags.contains(.isConnected) || place.record.family != .unix
  }

  /// Whether a refusal is what an earlier datagram met: over a network nobody knows that before he has sent.
  private func isEarlier(_ place: Place) -> Bool {
    place.record.flags.contains(.isConnected) && place.record.family != .unix
  }

  func sendCancelCompleted(_ completion: Completion, _ operation: OperationID) {
    guard let place = place(operation) else { return }
    place.record.flags.remove(.sendsCancelled)
    markDirty(place)
  }
}
