/// How the pool of one loop is divided, from its byte limit and what the kernel offers.
///
/// Incremental slots (IOU_PBUF_RING_INC) are large, because many messages share one; otherwise each message takes a
/// slot of its own. What stands posted should stay in a processor's cache: of a stream that is received and sent again,
/// half a mebibyte cost half of what four did (docs/benchmarks.md). A pool must hold a good number of slots, so small pools have small ones. A quarter of the pool is
/// never posted: replies and gathered backlogs are built there.
struct ReceivePlan: Equatable {
  let slotBytes: Int
  /// Entries of the provided-buffer ring: the bound of posted slots, a power of two.
  let entries: Int
  let initialSlots: Int
  /// How many connections that waited for memory one posted slot is for.
  let connectionsPerSlot: Int
  let gatherBacklog: UInt32
  let gatherSlotBytes: Int

  static let minimumSlotBytes = 1024

  init(poolBytes: Int, slotBytes wanted: Int?, incremental: Bool) {
    let preferred = wanted ?? (incremental ? 262_144 : 16_384)
    var slot = ReceivePlan.minimumSlotBytes
    let largest = max(ReceivePlan.minimumSlotBytes, min(preferred, poolBytes / 16))
    while slot * 2 <= largest { slot *= 2 }
    slotBytes = slot

    let postable = max(1, poolBytes / 4 * 3 / slot)
    var power = 1
    while power * 2 <= min(postable, incremental ? max(2, (1 << 19) / slot) : 1024) { power *= 2 }
    entries = power
    initialSlots = min(entries, max(1, (incremental ? 1 << 19 : 1 << 20) / slot))

    connectionsPerSlot = incremental ? max(1, slot / 16_384) : 1

    // One connection may pin about an eighth of the pool, and never more than 2 MiB, before its backlog is gathered.
    let pinnable = min(2 << 20, poolBytes / 8)
    gatherBacklog = UInt32(max(2, min(64, pinnable / slot)))
    gatherSlotBytes = min(16_384, slot)
  }
}
