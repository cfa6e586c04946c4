public import IOBuffers

/// A datagram socket as its handler sees it, for the length of one call.
///
/// It is borrowed and cannot be copied, so it cannot be kept: that is what confines it to the loop's thread.
@safe
public struct DatagramContext: ~Copyable {
  private let engine: Unmanaged<DatagramEngine>
  private let index: Int

  init(engine: Unmanaged<DatagramEngine>, index: Int) {
    unsafe self.engine = engine
    self.index = index
  }

  @inline(__always)
  private func withEngine<R>(_ body: (DatagramEngine, DatagramEngine.Place) -> R) -> R {
    // The context is borrowed for one call on the loop, in which the engine and the record are there.
    unsafe engine._withUnsafeGuaranteedRef { body($0, $0.records.place(index)) }
  }

  // MARK: Sending

  /// Sends the bytes of a view as one datagram, straight from the memory that it locks. The completion releases it. Never
  /// blocks.
  ///
  /// - Parameters:
  ///   - view: the bytes; there may be none.
  ///   - peer: where to.
  ///   - ecn: how the datagram is marked; nil: as the socket does.
  ///   - segmentSize: the bytes are datagrams of so many bytes each, of which the last may be shorter; the kernel cuts them
  ///     where it can (UDP_SEGMENT of udp(7)). Nil: they are one.
  /// - Returns: false when it was refused, because the socket is being closed or because as much as it may have is with the
  ///   kernel (``DatagramOptions/sendQueueDatagrams``): the view is released then, and the datagram is not sent. What the
  ///   kernel then refuses comes to ``DatagramHandler/failed(_:on:)``.
  @discardableResult
  @inline(__always)
  public func send(
    _ view: consuming ReadView,
    to peer: SocketAddress,
    ecn: ECNCodepoint? = nil,
    segmentSize: Int? = nil
  ) -> Bool {
    let detached = view.detach()
    return send(detached, peer, nil, ecn, segmentSize)
  }

  /// The same from the address of this host that the path names: with ``Datagram/path`` a reply that comes from where its query
  /// went to.
  @discardableResult
  @inline(__always)
  public func send(
    _ view: consuming ReadView,
    over path: DatagramPath,
    ecn: ECNCodepoint? = nil,
    segmentSize: Int? = nil
  ) -> Bool {
    let detached = view.detach()
    return send(detached, path.peer, path.local, ecn, segmentSize)
  }

  /// The same to the address that the socket is connected to. One that is not fails with EDESTADDRREQ.
  @discardableResult
  @inline(__always)
  public func send(_ view: consuming ReadView, ecn: ECNCodepoint? = nil, segmentSize: Int? = nil) -> Bool {
    let detached = view.detach()
    return send(detached, nil, nil, ecn, segmentSize)
  }

  private func send(
    _ view: DetachedView,
    _ peer: SocketAddress?,
    _ local: SocketAddress?,
    _ ecn: ECNCodepoint?,
    _ segmentSize: Int?
  ) -> Bool {
    withEngine { engine, place in
      engine.send(view, on: place, to: peer, from: local, ecn: ecn, segment: max(0, segmentSize ?? 0))
    }
  }

  /// Sends what a buffer holds as one datagram, as `send(_:to:ecn:segmentSize:)` does. The buffer is consumed: nobody can
  /// write to it while the kernel reads.
  ///
  /// - Returns: false when it was refused, also because a view of the buffer is still out that writes.
  @discardableResult
  public func send(_ buffer: consuming PooledBuffer, to peer: SocketAddress) -> Bool {
    do throws(BufferError) {
      return send(try buffer.finish(), to: peer)
    } catch {
      return false
    }
  }

  /// The same over a path.
  @discardableResult
  public func send(_ buffer: consuming PooledBuffer, over path: DatagramPath) -> Bool {
    do throws(BufferError) {
      return send(try buffer.finish(), over: path)
    } catch {
      return false
    }
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
  ) -> Bool {
    let detached = view.detach()
    let passed = descriptors.take()
    return withEngine { $0.send(detached, on: $1, to: peer, passing: passed) }
  }

  // MARK: The socket

  /// Stops or resumes receiving. What is under way may still arrive after a stop.
  public func pauseInput(_ paused: Bool) {
    withEngine { $0.pause($1, paused) }
  }

  /// Closes the socket. What the kernel has of what was sent goes out, for a second at most.
  public func close() {
    withEngine { $0.close($1) }
  }

  /// Datagrams that are with the kernel, and not sent yet.
  public var unsentDatagrams: Int { withEngine { $1.record.sendsInFlight } }

  /// Where the socket is bound.
  public var localAddress: SocketAddress? { withEngine { $1.record.local } }

  /// Where it is connected to; nil: nowhere.
  public var peer: SocketAddress? { withEngine { $1.record.peer } }

  /// Where buffers for replies come from.
  public var arena: BufferArena { withEngine { engine, _ in engine.loop.memory.buffers } }

  /// The loop that this call runs on.
  public var loop: EventLoop { withEngine { engine, _ in engine.loop } }
}
