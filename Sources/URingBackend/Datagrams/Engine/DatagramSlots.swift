internal import IOBuffers

/// The slots of one size in which datagrams of a loop are received, and the sockets that wait for them. Loop thread only.
final class DatagramSlots {
  /// Which of the sizes.
  let place: Int
  let plan: DatagramPlan
  let buffers: ProvidedBufferRing
  /// Sockets whose receive found no slot, first come, first served.
  var starved: [UInt32] = []
  /// The arena was asked to say when slots come home.
  var waits = false
  /// More than half of what there can be is held: what is received from now on is charged to its socket.
  var isScarce = false

  /// - Throws: ``RingError`` when the ring cannot be registered.
  init(_ place: Int, loop: EventLoop) throws(RingError) {
    self.place = place
    plan = DatagramPlan(place, poolBytes: loop.memory.datagramLimit)
    buffers = try ProvidedBufferRing(
      ring: loop.ring,
      arena: loop.memory.datagrams,
      group: DatagramSlots.firstGroup + UInt16(truncatingIfNeeded: place),
      slotBytes: plan.slotBytes,
      entries: plan.entries,
      initialSlots: plan.initialSlots,
      sharesSlots: false
    )
  }

  /// The buffer groups of connections come before it.
  private static let firstGroup: UInt16 = 32
}
