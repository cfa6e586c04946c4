/// Looking without touching.
extension ArenaState {
  func statistics() -> BufferArena.Statistics {
    var result = BufferArena.Statistics()
    result.mappedBytes = mappedBytes
    result.byteLimit = configuration.byteLimit
    result.slotsOut = slotsOut
    result.growths = counters.growths
    result.trims = counters.trims
    result.waits = counters.waits
    result.waiting = queue.count
    result.moves = counters.moves
    result.movedBytes = counters.movedBytes
    for case let segment? in segments {
      result.segments += 1
      result.slotsTotal += segment.slotCount
      if segment.mapping.pages != .ordinary { result.hugePageBytes += segment.mapping.bytes }
    }
    result.slotsFree = result.slotsTotal - slotsOut
    if configuration.diagnostics != .off {
      let census = census()
      result.readersOut = census.readers
      result.writersOut = census.writers
    }
    return result
  }

  func closeReport(_ holders: [Holder]) -> CloseReport {
    let census = census()
    return CloseReport(
      buffers: census.owners,
      readers: census.readers,
      writers: census.writers,
      holders: slotsOut == 0 ? [] : holders
    )
  }

  /// Counts the locks of all slots. Each word is read once; the sum is of no single moment while views come and go.
  private func census() -> (owners: Int, readers: Int, writers: Int) {
    var owners = 0
    var readers = 0
    var writers = 0
    for case let segment? in segments where !segment.isIdle {
      segment.forEachSlot { slot in
        let word = slot.lockWord
        owners += word.hasOwner ? 1 : 0
        readers += Int(word.readers)
        writers += Int(word.writers)
      }
    }
    return (owners, readers, writers)
  }
}
