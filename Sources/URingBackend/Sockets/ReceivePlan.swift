/// How the pool of one loop is divided, from its byte limit and what the kernel offers.
///
/// Incremental slots (IOU_PBUF_RING_INC) are large, because many messages share one; otherwise each message takes a
/// slot of its own. A pool must hold a good number of slots, so small pools have small ones. A quarter of the pool is
/// never posted: replies and gathered backlogs are built there.
struct ReceivePlan: Equatable {
  let slotBytes: Int
  /// Entries of the provided-buffer ring: the bound of posted slots, a power of two.
  let entries: Int
  let initialSlots: Int
  let gatherBacklog: UInt32
  let gatherSlotBytes: Int

  static let minimumSlotBytes = 1024

  init(poolBytes: Int, slotBytes wanted: Int?, incremental: Bool) {
    let preferred = wanted ?? (incremental ? 65_536 : 16_384)
    var slot = ReceivePlan.minimumSlotBytes
    let largest = max(ReceivePlan.minimumSlotBytes, min(preferred, poolBytes / 16))
    while slot * 2 <= largest { slot *= 2 }
    slotBytes = slot

    let postable = max(1, poolBytes / 4 * 3 / slot)
    var power = 1
    while power * 2 <= min(postable, 1024) { power *= 2 }
    entries = power
    initialSlots = min(entries, max(1, (1 << 20) / slot))

    // One connection may pin about an eighth of the pool, and never more than 1 MiB, before its backlog is gathered.
    let pinnable = min(1 << 20, poolBytes / 8)
    gatherBacklog = UInt32(max(2, min(64, pinnable / slot)))
    gatherSlotBytes = min(16_384, slot)
  }
}
