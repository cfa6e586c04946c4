internal import IOBuffers

extension DatagramEngine {
  /// How long sends that the kernel has may take once their socket is being closed.
  private static let flushTime: UInt64 = 1_000_000_000

  /// Closes a socket: nothing is received any more, and what the kernel has of what was sent goes out, unless that takes longer
  /// than a second.
  func close(_ place: Place) {
    guard begin(place, nil) else { return }
    guard place.record.sendsInFlight > 0 else { return }
    let (index, generation) = (Int(place.record.index), place.record.generation)
    _ = loop.timers.arm(
      loop.now &+ DatagramEngine.flushTime,
      .notice { [self] in
        guard let place = self.place(index, generation) else { return }
        place.record.flags.insert(.isAborting)
        markDirty(place)
      }
    )
  }

  /// Closes a socket at once: what the kernel has of what was sent is cancelled.
  func abort(_ place: Place, _ error: SocketError?) {
    _ = begin(place, error)
    place.record.flags.insert(.isAborting)
    markDirty(place)
  }

  private func begin(_ place: Place, _ error: SocketError?) -> Bool {
    guard place.record.flags.contains(.isOpen), !place.record.flags.contains(.isClosing) else { return false }
    place.record.flags.insert(.isClosing)
    place.record.failure = error
    place.record.file?.remove()
    place.record.file = nil
    markDirty(place)
    withSink(place) { $0.ended(Int(place.record.index), error) }
    return true
  }

  /// Close comes last: behind every completion of what is with the kernel.
  func settleClosing(_ place: Place) {
    if place.record.flags.contains(.isAborting) { dropBlocked(place) }
    let flags = place.record.flags
    let isPolled = flags.contains(.outputPolled)
    if place.record.sendsInFlight > 0 || isPolled {
      if flags.contains(.isAborting) || place.record.sendsInFlight == 0 {
        cancelSends(place)
      } else if !place.record.blocked.isEmpty, !isPolled {
        pollOutput(place)
      }
      return
    }
    // A cancellation that is under way names the descriptor, whose number may be another file's when it is closed.
    guard flags.isDisjoint(with: [.receiveArmed, .closeSubmitted, .sendsCancelled]) else { return }
    place.record.flags.insert(.closeSubmitted)
    _ = ring.prepareClose(place.record.descriptor, userData: place.record.operation(.closeDatagramSocket))
  }

  /// Once for all that the kernel has: a second time only when the first one's answer is there.
  private func cancelSends(_ place: Place) {
    guard !place.record.flags.contains(.sendsCancelled) else { return }
    place.record.flags.insert(.sendsCancelled)
    _ = ring.prepareCancelAll(
      place.record.descriptor,
      userData: place.record.operation(.cancelSendDatagrams)
    )
  }
}
