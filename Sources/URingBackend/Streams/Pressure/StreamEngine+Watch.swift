internal import CLiburing
internal import Glibc
internal import SystemPackage

/// The ends of connections that do not receive, because they wait for memory or their user does not take what is there.
/// Loop thread only.
///
/// A poll needs no memory. It reports a reset, also after the end of the input, and the peer's end of stream, which counts
/// at once when no bytes are before it. Once armed it stays until it has something to report, or the connection closes.
extension StreamEngine {
  func armWatch(_ index: Int) {
    let hasEnded = !records[index].machine.flags.isDisjoint(with: [.endWaits, .inputEnded])
    submitted(
      ring.preparePollAdd(
        records[index].descriptor,
        // POLLERR and POLLHUP are always reported.
        events: hasEnded ? 0 : SLUICE_POLLRDHUP,
        userData: records[index].operation(.watch)
      )
    )
  }

  func watchCompleted(_ completion: Completion, _ operation: OperationID) {
    guard let place = place(operation) else { return }
    markDirty(place)
    // Cancelled; or the receive that was armed since then will say what there is to be said.
    guard completion.result > 0, place.record.machine.flags.isDisjoint(with: [.receiveArmed, .broken]) else {
      return place.record.machine.watchCompleted()
    }
    let isError = completion.result & Int32(POLLERR) != 0
    let isHangUp = completion.result & Int32(POLLHUP) != 0
    if isError {
      // A reset overtakes bytes that there was no room for.
      place.record.machine.watchCompleted()
      return breakOff(Int(operation.index), pendingError(of: place.record.descriptor), .receive)
    }
    let state = sockets.inputState(of: place.record.descriptor)
    // Both directions are shut down: a poll would say so again and again.
    place.record.machine.watchCompleted(endWaits: state == .bytes, isDone: isHangUp)
    switch state {
    case .bytes, .nothing: break
    case .ended: endInput(Int(operation.index))
    case .failed(let errno): breakOff(Int(operation.index), errno, .receive)
    }
  }

  /// The error that a poll has reported. A reset after the peer's end of stream comes as EPIPE.
  private func pendingError(of descriptor: Int32) -> Errno {
    let error = sockets.takeError(of: descriptor) ?? .connectionReset
    return error == .brokenPipe ? .connectionReset : error
  }

  func watchCancelCompleted(_ completion: Completion, _ operation: OperationID) {
    guard completion.result < 0, let place = place(operation) else { return }
    if place.record.machine.flags.contains(.watchArmed) {
      place.record.machine.watchCancelMissed()
      markDirty(place)
    }
  }
}
