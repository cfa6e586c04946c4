public import IOBuffers
internal import SystemPackage

extension DatagramSocket {
  /// Sends the bytes of a view as one datagram, straight from the memory that it locks. The completion releases it.
  ///
  /// Never waits for room. On the socket's loop it does not suspend.
  ///
  /// - Parameters:
  ///   - view: the bytes; there may be none.
  ///   - peer: where to.
  ///   - ecn: how the datagram is marked; nil: as the socket does.
  ///   - segmentSize: the bytes are datagrams of so many bytes each, of which the last may be shorter; the kernel cuts them
  ///     where it can (UDP_SEGMENT of udp(7)). Nil: they are one.
  /// - Returns: false when it was refused, because the socket is closed or because as much as it may have is with the kernel
  ///   (``DatagramOptions/sendQueueDatagrams``): the view is released then, and the datagram is not sent. What the kernel
  ///   then refuses is counted (`LoopStatistics.datagramErrors`), as the network drops datagrams too.
  @discardableResult
  public func send(
    _ view: consuming ReadView,
    to peer: SocketAddress,
    ecn: ECNCodepoint? = nil,
    segmentSize: Int? = nil
  ) async -> Bool {
    let message = OutgoingDatagram(view: view.detach(), peer: peer, local: nil, ecn: ecn, segment: segmentSize)
    return await send(message)
  }

  /// The same from the address of this host that the path names: with ``Datagram/path`` a reply that comes from where its query
  /// went to.
  @discardableResult
  public func send(
    _ view: consuming ReadView,
    over path: DatagramPath,
    ecn: ECNCodepoint? = nil,
    segmentSize: Int? = nil
  ) async -> Bool {
    let message = OutgoingDatagram(
      view: view.detach(),
      peer: path.peer,
      local: path.local,
      ecn: ecn,
      segment: segmentSize
    )
    return await send(message)
  }

  /// The same to the address that the socket is connected to. On one that is not, the kernel refuses it.
  @discardableResult
  public func send(
    _ view: consuming ReadView,
    ecn: ECNCodepoint? = nil,
    segmentSize: Int? = nil
  ) async -> Bool {
    let message = OutgoingDatagram(view: view.detach(), peer: nil, local: nil, ecn: ecn, segment: segmentSize)
    return await send(message)
  }

  /// Sends the bytes of a view, and descriptors with them, over a Unix socket: SCM_RIGHTS of unix(7). The other side gets
  /// descriptors of its own for the same files; these are closed when the kernel has passed them, or refused.
  ///
  /// - Parameters:
  ///   - view: the bytes; there may be none.
  ///   - descriptors: at most ``DescriptorList/maximumCount``.
  ///   - peer: where to; nil: where the socket is connected to.
  /// - Returns: false when it was refused, as by `send(_:to:ecn:segmentSize:)`.
  @discardableResult
  public func send(
    _ view: consuming ReadView,
    passing descriptors: consuming DescriptorList,
    to peer: SocketAddress? = nil
  ) async -> Bool {
    let view = view.detach()
    let passed = descriptors.take()
    return await onLoop { [self] in
      guard let place else {
        _ = DescriptorList(adopting: passed)
        view.releaseReader()
        return false
      }
      return engine.send(view, on: place, to: peer, passing: passed)
    }
  }

  /// Sends what a buffer holds as one datagram. The buffer is consumed: nobody can write to it while the kernel reads.
  ///
  /// - Returns: false when it was refused, also because a view of the buffer is still out that writes.
  @discardableResult
  public func send(_ buffer: consuming PooledBuffer, to peer: SocketAddress) async -> Bool {
    do throws(BufferError) {
      return await send(try buffer.finish(), to: peer)
    } catch {
      return false
    }
  }

  /// Sends the bytes of a view as one datagram, and waits for room where there is none.
  ///
  /// - Parameters:
  ///   - view: the bytes; there may be none.
  ///   - peer: where to; nil: where the socket is connected to.
  /// - Throws: `SocketError`: `.closed`, `.shuttingDown`; `.cancelled` when the task is cancelled while it waits; on a
  ///   connected socket what the network reported of an earlier datagram, once. The view is released then, and the
  ///   datagram is not sent.
  public func sendWhenWritable(_ view: consuming ReadView, to peer: SocketAddress? = nil) async throws(SocketError) {
    let message = OutgoingDatagram(view: view.detach(), peer: peer, local: nil, ecn: nil, segment: nil)
    while true {
      switch loop.isCurrent ? attempt(message) : await onLoop({ self.attempt(message) }) {
      case .sent: return
      case .failed(let error): throw error
      case .full: break
      }
      if let error = await waitForRoom() {
        message.view.releaseReader()
        throw error
      }
    }
  }

  private func send(_ message: OutgoingDatagram) async -> Bool {
    // On the loop there is no closure, which would be allocated for each datagram.
    loop.isCurrent ? sendNow(message) : await onLoop { self.sendNow(message) }
  }

  // MARK: On the loop

  private func sendNow(_ message: OutgoingDatagram) -> Bool {
    guard let place else {
      message.view.releaseReader()
      return false
    }
    return engine.send(
      message.view,
      on: place,
      to: message.peer,
      from: message.local,
      ecn: message.ecn,
      segment: max(0, message.segment ?? 0)
    )
  }

  private enum Attempt: Sendable {
    case sent
    case full
    case failed(SocketError)
  }

  private func attempt(_ message: OutgoingDatagram) -> Attempt {
    if let error = sink.takeReport() ?? closedError {
      message.view.releaseReader()
      return .failed(error)
    }
    guard let place, engine.hasRoom(place, Int(message.view.count)) else { return .full }
    return sendNow(message) ? .sent : .failed(SocketError(.system(.noMemory), .send, peer: peer))
  }

  private var closedError: SocketError? {
    place == nil || sink.isOver ? SocketError(.closed, .send, peer: peer) : nil
  }

  /// Returns when there may be room; the error where there will be none.
  private func waitForRoom() async -> SocketError? {
    let ticket = CancellationTicket()
    return await withTaskCancellationHandler {
      // `park` keeps it in the sink or resumes it; cancelling takes it out of there.
      unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<SocketError?, Never>) in
        loop.execute { self.park(unsafe SendWaiter(continuation: continuation, ticket: ticket)) }
      }
    } onCancel: {
      ticket.cancel()
      loop.execute { self.sink.giveUpSend(ticket, SocketError(.cancelled, .send, peer: self.peer)) }
    }
  }

  private func park(_ waiter: SendWaiter) {
    if waiter.ticket?.isCancelled == true {
      waiter.resume(SocketError(.cancelled, .send, peer: peer))
    } else if let place, closedError == nil {
      guard place.record.sendsInFlight > 0 else { return waiter.resume(nil) }
      place.record.flags.insert(.isFull)
      sink.addSender(waiter)
    } else {
      waiter.resume(closedError)
    }
  }
}

/// What is to be sent, on its way to the loop.
private struct OutgoingDatagram: Sendable {
  var view: DetachedView
  var peer: SocketAddress?
  var local: SocketAddress?
  var ecn: ECNCodepoint?
  var segment: Int?
}
