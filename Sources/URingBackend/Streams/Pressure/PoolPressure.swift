/// Whether receive slots are scarce, and what one connection may then hold. A plain value: facts in, answers out.
///
/// While slots abound nothing is copied, and a connection may have its marks. Below a quarter of them the pool is under
/// pressure, until half of them are there again and few copies are out. Then:
///
/// * whatever is received is moved out of its slot, into a copy that fits and is charged to its connection;
/// * a connection receives only while it is charged with less than its *share*.
///
/// The share is the larger of two. The *guaranteed* one needs no memory to be free: half of the memory for copies, divided by
/// the number of those who hold something, times sixteen. Whoever is the i-th to grow finds at least i - 1 others, so all
/// shares together stay below a sixteenth of the harmonic number of holders: below one for 4 million of them. It
/// falls as holders grow, and needs no knowledge of how many will come. The *common* one lets few holders have more: an
/// eighth of what is free of another quarter (the dynamic threshold of shared-memory switches, Choudhury and Hahne 1998).
///
/// No share is below the least that a copy takes, so very many holders could still take all there is. The last eighth is
/// kept for those who hold nothing and have no more waiting than they ask for: they are served as ever, while those who
/// push wait.
struct PoolPressure: Equatable {
  /// What changed.
  enum Change: Equatable {
    case began
    case ended
  }

  /// Receive slots in all.
  let slots: Int
  /// Bytes for copies in all.
  let copyBytes: Int
  private(set) var isOn = false

  /// The least that a copy takes, and so the least share.
  static var leastShare: Int { MemoryPlan.copySizes[0] }

  init(_ plan: MemoryPlan) {
    slots = plan.slots
    copyBytes = plan.copyBytes
  }

  /// The facts of this turn: receive slots that nobody holds, and bytes of copies that are out.
  mutating func note(slotsFree: Int, copied: Int) -> Change? {
    if isOn {
      guard slotsFree >= slots / 2, copied < copyBytes / 8 else { return nil }
      isOn = false
      return .ended
    }
    guard slotsFree < slots / 4 else { return nil }
    isOn = true
    return .began
  }

  /// What one connection may be charged with.
  ///
  /// - Parameters:
  ///   - charged: what all are charged with, in bytes.
  ///   - holders: connections that are charged with something, the one in question included.
  func share(charged: Int, holders: Int) -> Int {
    let guaranteed = copyBytes / 2 / (16 * max(1, holders))
    let common = max(0, copyBytes / 4 - charged) / 8
    return max(PoolPressure.leastShare, guaranteed, common)
  }

  /// The most that a receive may take that is armed before there is anything to receive: many of them stand at a time, each
  /// armed when less was charged.
  ///
  /// - Parameter connections: how many there are.
  func standing(connections: Int) -> Int {
    let most = copyBytes / 8 / max(1, connections)
    return MemoryPlan.copySizes.last { $0 <= most } ?? PoolPressure.leastShare
  }

  /// How many more bytes may be moved out of slots that they pin in vain: a quarter of the memory for copies is for them and
  /// for what is received, so that shares find theirs. What is left pins slots, of which those that receive need few.
  ///
  /// - Parameter charged: what all are charged with, in bytes.
  func compactionRoom(charged: Int) -> Int { max(0, copyBytes / 4 - charged) }

  /// What a connection whose turn it is may receive: as much as a copy of one of the sizes holds that its share still has
  /// room for; nothing when it has none.
  ///
  /// - Parameters:
  ///   - own: what it is charged with.
  ///   - charged: what all are charged with.
  ///   - holders: connections that are charged with something.
  ///   - pushes: there is more waiting for it than it took the last time.
  func portion(own: Int, charged: Int, holders: Int, pushes: Bool) -> Int {
    if pushes || own > 0, charged > copyBytes / 8 * 7 { return 0 }
    let room = share(charged: charged, holders: own > 0 ? holders : holders + 1) - own
    return MemoryPlan.copySizes.last { $0 <= room } ?? 0
  }
}
