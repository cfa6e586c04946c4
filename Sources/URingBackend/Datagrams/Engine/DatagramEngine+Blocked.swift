internal import Glibc
internal import IOBuffers

/// Sends that find no room.
///
/// None of them waits in the kernel: io_uring tries such a send again where the first try left its bytes, which may be at their
/// end. Over a Unix socket it then sends a datagram without bytes, as seen with Linux 6.18 (unix(7) copies the bytes before it
/// looks for room). So each try is a submission of its own, and a poll says when one is worthwhile. Nobody says so to a Unix
/// socket that is connected to nobody: there a datagram that finds no room is not sent.
extension DatagramEngine {
  func block(_ pending: DatagramSends.Place, on place: Place) {
    place.record.blocked.append(pending.record.index)
    markDirty(place)
  }

  /// Has the kernel say when there is room. Room in the submission queue is there.
  func pollOutput(_ place: Place) {
    place.record.flags.insert(.outputPolled)
    _ = ring.preparePollAdd(
      place.record.descriptor,
      events: UInt32(POLLOUT),
      userData: place.record.operation(.pollDatagramOutput)
    )
  }

  func outputPolled(_ place: Place) {
    place.record.flags.remove(.outputPolled)
    let waiting = place.record.blocked
    place.record.blocked.removeAll(keepingCapacity: true)
    for index in waiting {
      if !submit(sends.place(index), on: place) { unsubmitted.append(index) }
    }
    markDirty(place)
  }

  /// Gives up those that wait: the socket is being closed.
  func dropBlocked(_ place: Place) {
    let waiting = place.record.blocked
    place.record.blocked = []
    for index in waiting {
      let pending = sends.place(index)
      if let view = pending.record.view { finish(pending, view, on: place) }
    }
  }
}
