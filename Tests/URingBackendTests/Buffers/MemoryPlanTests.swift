import Testing

@testable import URingBackend

/// How a pool is divided.
struct MemoryPlanTests {
  static let pools = [0, 4096, 64 << 10, 100_000, 256 << 10, 1 << 20, 16 << 20, 64 << 20, 1 << 30]

  @Test(arguments: pools, [true, false])
  func aPlanFitsItsPool(poolBytes: Int, incremental: Bool) {
    let plan = MemoryPlan(poolBytes: poolBytes, slotBytes: nil, incremental: incremental)
    #expect(plan.slotBytes.nonzeroBitCount == 1 && plan.slotBytes >= MemoryPlan.minimumSlotBytes)
    #expect(plan.slots >= 16)
    #expect(plan.slots * plan.slotBytes + plan.copyBytes == max(poolBytes, MemoryPlan.minimumPoolBytes))
    #expect(plan.openEntries.nonzeroBitCount == 1 && plan.lineEntries.nonzeroBitCount == 1)
    #expect(plan.openSlots >= 1 && plan.openSlots <= plan.openEntries && plan.openEntries <= 1024)
    if poolBytes >= 16 << 20 { #expect(plan.slotBytes == (incremental ? 262_144 : 16_384)) }
  }

  /// What stands posted is never so much that posting it would put the pool under pressure.
  @Test(arguments: pools, [true, false])
  func whatIsPostedLeavesMoreThanAQuarterFree(poolBytes: Int, incremental: Bool) {
    let plan = MemoryPlan(poolBytes: poolBytes, slotBytes: nil, incremental: incremental)
    var pressure = PoolPressure(plan)
    #expect(pressure.note(slotsFree: plan.slots - plan.openEntries - plan.lineEntries, copied: 0) == nil)
    #expect(!pressure.isOn)
  }

  /// Bytes that are moved into copies fill them: otherwise compaction could take more memory than it gives back.
  @Test func theCopiesOfAnyBytesAreUsedToThreeQuarters() {
    for bytes in Array(1...5000) + [16_385, 17_000, 65_535, 65_536] {
      var left = bytes
      var capacity = 0
      var pieces = 0
      while left > 0 {
        let piece = MemoryPlan.firstPiece(of: left)
        #expect(piece > 0 && piece <= left)
        left -= piece
        capacity += MemoryPlan.copySizes.first { $0 >= piece } ?? .max
        pieces += 1
      }
      #expect(capacity <= max(bytes * 4 / 3, bytes + 64) && pieces <= 16, "\(bytes): \(capacity) in \(pieces)")
    }
  }

  @Test func aPlanTakesTheSlotSizeThatIsAskedFor() {
    #expect(MemoryPlan(poolBytes: 64 << 20, slotBytes: 4096, incremental: true).slotBytes == 4096)
    #expect(MemoryPlan(poolBytes: 64 << 20, slotBytes: 5000, incremental: true).slotBytes == 4096)
    #expect(MemoryPlan(poolBytes: 64 << 10, slotBytes: 1 << 20, incremental: true).slotBytes == 1024)
  }
}

/// When slots are scarce, and what a connection may hold then.
struct PoolPressureTests {
  private let plan = MemoryPlan(poolBytes: 64 << 20, slotBytes: nil, incremental: true)

  @Test func pressureBeginsBelowAQuarterAndEndsAtAHalf() {
    var pressure = PoolPressure(plan)
    let slots = plan.slots
    #expect(pressure.note(slotsFree: slots / 4, copied: 0) == nil)
    #expect(pressure.note(slotsFree: slots / 4 - 1, copied: 0) == .began)
    #expect(pressure.note(slotsFree: 0, copied: 0) == nil)
    #expect(pressure.note(slotsFree: slots / 2 - 1, copied: 0) == nil && pressure.isOn)
    // Copies that are still out would let one shortage after the other add to them.
    #expect(pressure.note(slotsFree: slots, copied: plan.copyBytes / 8) == nil && pressure.isOn)
    #expect(pressure.note(slotsFree: slots / 2, copied: plan.copyBytes / 8 - 1) == .ended)
    #expect(!pressure.isOn)
  }

  /// Whoever comes and holds nothing finds a share, however much was moved out of slots when the shortage began, and whatever
  /// was received from slots that were posted before.
  @Test(arguments: zip([256 << 10, 1 << 20, 64 << 20], [200, 1000, 10_000]))
  func compactionLeavesTheSharesOfAll(poolBytes: Int, holders: Int) {
    let plan = MemoryPlan(poolBytes: poolBytes, slotBytes: nil, incremental: true)
    let pressure = PoolPressure(plan)
    #expect(pressure.compactionRoom(charged: 0) > 0)
    var charged = pressure.compactionRoom(charged: 0) / 3 * 4
    #expect(pressure.compactionRoom(charged: charged) == 0)
    charged += plan.openEntries * plan.slotBytes
    for holder in 1...holders { charged += pressure.share(charged: charged, holders: holder) }
    #expect(
      pressure.portion(own: 0, charged: charged, holders: holders, pushes: true) > 0,
      "\(charged) of \(plan.copyBytes)"
    )
  }

  @Test func theFirstMayHoldMuchAndSharesShrinkAsHoldersGrow() {
    let pressure = PoolPressure(plan)
    #expect(pressure.portion(own: 0, charged: 0, holders: 0, pushes: true) == 65_536)
    var last = Int.max
    for holders in [1, 10, 100, 1000, 10_000, 100_000] {
      let share = pressure.share(charged: plan.copyBytes, holders: holders)
      #expect(share < last && share >= PoolPressure.leastShare || share == PoolPressure.leastShare)
      last = share
    }
  }

  /// Peers that take all they may and give nothing back, one after the other, in pools of every size: each finds something,
  /// and all of it together fits, as long as it is more than the least share that is asked of each byte.
  @Test(arguments: [256 << 10, 1 << 20, 64 << 20])
  func whoeverComesFindsAShareAndAllOfThemFit(poolBytes: Int) {
    let plan = MemoryPlan(poolBytes: poolBytes, slotBytes: nil, incremental: true)
    let pressure = PoolPressure(plan)
    var charged = 0
    var count = 0
    while count < 100_000 {
      // Down to the last eighth for those who push, and to the end for those who do not.
      let portion = pressure.portion(own: 0, charged: charged, holders: count, pushes: true)
      if portion == 0 { break }
      #expect(portion >= PoolPressure.leastShare && charged + portion <= plan.copyBytes)
      #expect(pressure.portion(own: 0, charged: charged, holders: count, pushes: false) == portion)
      charged += portion
      count += 1
    }
    // More than half of the memory for copies at the least share each.
    #expect(count >= min(100_000, plan.copyBytes / PoolPressure.leastShare / 2), "\(count) connections")
    if count < 100_000 {
      #expect(charged <= plan.copyBytes / 8 * 7 + PoolPressure.leastShare)
      #expect(pressure.portion(own: 0, charged: charged, holders: count, pushes: false) == PoolPressure.leastShare)
      #expect(pressure.portion(own: 64, charged: charged, holders: count, pushes: false) == 0)
    }
  }

  @Test func whoHoldsItsShareGetsNothingMoreAndWhoHoldsNothingGetsSomething() {
    let pressure = PoolPressure(plan)
    let share = pressure.share(charged: plan.copyBytes / 2, holders: 1000)
    func portion(own: Int) -> Int {
      pressure.portion(own: own, charged: plan.copyBytes / 2, holders: 1000, pushes: true)
    }
    #expect(portion(own: share) == 0 && portion(own: share * 2) == 0)
    // Less than the smallest copy.
    #expect(portion(own: share - 63) == 0 && portion(own: share - 64) == 64)
    #expect(portion(own: 0) <= share && portion(own: 0) * 4 > share)
  }
}
