internal import CLiburing
internal import Glibc
internal import SystemPackage

/// The ends of connections that do not receive, because they wait for memory or their user does not take what is there.
/// Loop thread only.
///
/// A poll needs no memory. It reports a reset, and the peer's end of stream, which counts at once when no bytes are before
/// it. Once armed it stays until it has something to report, or the connection closes.
extension TCPEngine {
  func armWatch(_ index: Int) {
    let ended = records[index].machine.flags.contains(.endWaits)
    submitted(
      ring.preparePollAdd(
        records[index].descriptor,
        // POLLERR and POLLHUP are always reported.
        events: ended ? 0 : SLUICE_POLLRDHUP,
        userData: records[index].operation(.watch)
      )
    )
  }

  func watchCompleted(_ completion: Completion, _ operation: OperationID) {
    guard let place = place(operation) else { return }
    let index = Int(operation.index)
    guard completion.result > 0, !place.record.machine.flags.contains(.receiveArmed) else {
      // Cancelled; or the receive that was armed since then will say what there is to be said.
      place.record.machine.watchCompleted()
      return markDirty(place)
    }
    let state = Socket.inputState(of: place.record.descriptor)
    place.record.machine.watchCompleted(
      endWaits: state == .bytes,
      isDone: state == .bytes && completion.result & Int32(POLLHUP) != 0
    )
    markDirty(place)
    switch state {
    case .bytes where completion.result & Int32(POLLERR) != 0:
      // The reset has overtaken bytes that there was no room for.
      breakOff(index, .connectionReset, .receive)
    case .bytes, .nothing: break
    case .ended: endInput(index)
    case .failed(let errno): breakOff(index, errno, .receive)
    }
  }

  func watchCancelCompleted(_ completion: Completion, _ operation: OperationID) {
    guard completion.result < 0, let place = place(operation) else { return }
    if place.record.machine.flags.contains(.watchArmed) {
      place.record.machine.watchCancelMissed()
      markDirty(place)
    }
  }
}
