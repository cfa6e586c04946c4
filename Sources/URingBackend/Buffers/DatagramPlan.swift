/// How the memory for datagrams is divided. A plain value.
///
/// A datagram has a slot to itself, with its addresses and control messages in front: one that meets the rest of a slot
/// would be cut. So there are a few sizes, each with a ring of its own, made when a socket wants it.
struct DatagramPlan: Equatable {
  /// The sizes of a slot, ascending: an Ethernet frame; EDNS (RFC 6891) and pages; jumbo frames; all that a datagram can
  /// have, and trains of datagrams that the kernel joined (UDP_GRO of udp(7)).
  static let sizes = [2048, 4608, 9728, 67_072]
  /// A smaller limit counts as this: a ring of the largest slots needs some.
  static let minimumPoolBytes = 1 << 20

  /// Bytes of one slot.
  let slotBytes: Int
  /// Slots there can be.
  let slots: Int
  /// Entries of the ring, a power of two: the bound of its posted slots.
  let entries: Int
  /// Slots posted as long as the ring never runs dry.
  let initialSlots: Int

  /// - Parameters:
  ///   - place: which of ``sizes``.
  ///   - poolBytes: the most that the loop may have for datagrams.
  init(_ place: Int, poolBytes: Int) {
    slotBytes = DatagramPlan.sizes[place]
    slots = max(1, poolBytes / slotBytes)
    // At most a quarter stands posted; and of what is posted and used in turn, half a mebibyte stays in a cache.
    var entries = 1
    while entries * 2 <= min(max(4, slots / 4), 1024) { entries *= 2 }
    self.entries = entries
    initialSlots = max(4, min(entries, (1 << 19) / slotBytes))
  }

  /// The place of the smallest size with room for so many bytes; nil if none has.
  static func place(for bytes: Int) -> Int? { sizes.firstIndex { $0 >= bytes } }
}
