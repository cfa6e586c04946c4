internal import IOBuffers

/// How the pool of one loop is divided, from its byte limit and what the kernel offers. A plain value.
///
/// Two parts, so that neither can take the other's memory (docs/architecture.md, "The pool under pressure"):
///
/// * *receive slots*, three eighths: what the kernel fills. A part of them is posted, in two rings: the *open* ring, which
///   every standing receive may use, and the *line's* ring, for connections whose turn it is.
/// * *copies*, the rest: where bytes go that would pin a whole slot, once slots are scarce.
///
/// Incremental slots (IOU_PBUF_RING_INC) are large, because many messages share one; otherwise each message takes a
/// slot of its own. What stands posted should stay in a processor's cache: of a stream that is received and sent again,
/// half a mebibyte cost half of what four did (docs/benchmarks.md).
struct MemoryPlan: Equatable {
  /// Bytes of one receive slot, a power of two.
  let slotBytes: Int
  /// Receive slots there can be.
  let slots: Int
  /// Bytes for copies.
  let copyBytes: Int
  /// Entries of the open ring, a power of two: the bound of its posted slots.
  let openEntries: Int
  /// Slots posted there as long as it never runs dry.
  let openSlots: Int
  /// Entries of the line's ring, all of them posted while there are slots.
  let lineEntries: Int
  /// The most that a connection whose turn it is may receive at a time.
  let largestPortion: Int
  /// The most that one connection may have unread, and unsent: larger marks would not fit the pool.
  let largestMark: Int

  static let minimumSlotBytes = 1024
  /// A smaller pool counts as this large.
  static let minimumPoolBytes = 64 << 10
  /// The sizes of a slot that can be asked for.
  static let slotRange = minimumSlotBytes...BufferArena.largestPosted
  /// The sizes that copies come in.
  static let copySizes = [64, 256, 1024, 4096, 16_384, 65_536]

  init(poolBytes wanted: Int, slotBytes wantedSlot: Int?, incremental: Bool) {
    let poolBytes = max(wanted, MemoryPlan.minimumPoolBytes)
    let receiveBytes = poolBytes / 8 * 3
    let preferred = wantedSlot ?? (incremental ? 262_144 : 16_384)
    var slot = MemoryPlan.minimumSlotBytes
    let largest = max(MemoryPlan.minimumSlotBytes, min(preferred, receiveBytes / 16))
    while slot * 2 <= largest { slot *= 2 }
    slotBytes = slot
    slots = receiveBytes / slot
    copyBytes = poolBytes - slots * slot

    let postable = max(1, slots / 4)
    openEntries = MemoryPlan.powerOfTwo(atMost: min(postable, incremental ? max(2, (1 << 19) / slot) : 1024))
    openSlots = min(openEntries, max(1, (incremental ? 1 << 19 : 1 << 20) / slot))
    lineEntries = MemoryPlan.powerOfTwo(atMost: incremental ? 2 : max(2, min(16, slots / 8)))
    largestPortion = min(65_536, slot)
    largestMark = max(4096, slots * slot / 8)
  }

  /// The bytes of the first of the copies that so many bytes are best held in: the smallest copy that holds all of them, if
  /// at least three quarters of it are used, or a full one.
  static func firstPiece(of bytes: Int) -> Int {
    guard let fitting = copySizes.first(where: { $0 >= bytes }) else { return copySizes[copySizes.count - 1] }
    return bytes >= fitting / 4 * 3 ? bytes : copySizes.last { $0 <= bytes } ?? bytes
  }

  private static func powerOfTwo(atMost bound: Int) -> Int {
    var power = 1
    while power * 2 <= bound { power *= 2 }
    return power
  }
}
