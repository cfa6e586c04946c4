/// Getting memory from the system, and giving it back.
extension ArenaState {
  /// A slot of at least `bytes`, from anywhere the rules allow: the free slots of its class, a slot still to be cut, a
  /// new segment, a new segment in place of idle ones of other classes, a free slot of a larger class. In this order:
  /// first what is warm, then what is cheap, and a larger slot only when the alternative is to fail.
  mutating func obtain(
    _ bytes: Int,
    for use: Use,
    home: SlotHome
  ) -> Result<Slot, BufferError> {
    guard !isClosed else { return .failure(.closed) }
    guard !process.isForked else { return .failure(.forked) }
    guard let place = classes.smallest(for: bytes) else { return obtainLarge(bytes, for: use, home: home) }
    if let slot = take(place, for: use, home: home) { return .success(slot) }
    let failure = grow(place)
    if failure == nil, let slot = take(place, for: use, home: home) { return .success(slot) }
    if let slot = takeLarger(than: place, for: use, home: home) { return .success(slot) }
    if let failure, case .mapFailed = failure { return .failure(failure) }
    return .failure(limitReached(bytes))
  }

  /// A slot of at least `bytes` for the kernel.
  mutating func takeForKernel(_ bytes: Int, mayGrow: Bool, mayBeLarger: Bool, home: SlotHome) -> Slot? {
    guard let place = classes.smallest(for: bytes) else {
      if let kept = promisedLarge.firstIndex(where: { $0.capacity >= bytes }) {
        return lendLarge(promisedLarge.remove(at: kept), for: .kernel)
      }
      return mayGrow ? try? obtainLarge(bytes, for: .kernel, home: home).get() : nil
    }
    if let slot = take(place, for: .kernel, home: home) { return slot }
    if mayGrow, grow(place) == nil, let slot = take(place, for: .kernel, home: home) { return slot }
    return mayBeLarger ? takeLarger(than: place, for: .kernel, home: home) : nil
  }

  /// A slot for a copy of `bytes`. At most one class larger than needed: a copy is made to pin less, not more.
  mutating func obtainForCopy(_ bytes: Int, home: SlotHome) -> Slot? {
    guard !isClosed, !process.isForked else { return nil }
    guard let place = classes.smallest(for: bytes) else {
      return try? obtainLarge(bytes, for: .copy, home: home).get()
    }
    if let slot = take(place, for: .copy, home: home) { return slot }
    if grow(place) == nil, let slot = take(place, for: .copy, home: home) { return slot }
    return place + 1 < classes.count ? take(place + 1, for: .copy, home: home) : nil
  }

  /// A free slot of a larger class than the one that is dry.
  mutating func takeLarger(than place: Int, for use: Use, home: SlotHome) -> Slot? {
    for larger in classes.indices where larger > place {
      if let slot = take(larger, for: use, home: home) { return slot }
    }
    return nil
  }

  /// Maps a segment for a size class. Nil when that worked.
  mutating func grow(_ place: Int) -> BufferError? {
    let slotBytes = classes[place].slotBytes
    let least = wholePages(slotBytes)
    guard room >= least || trim(toMap: least, sparing: place) else { return limitReached(slotBytes) }
    let room = room / configuration.pageBytes * configuration.pageBytes
    let bytes = min(max(least, segmentBytes(place)), room)
    // Slots of whole pages fill the segment, or what is left of it would serve nobody.
    let filled = slotBytes % configuration.pageBytes == 0 ? bytes / slotBytes * slotBytes : bytes
    return addSegment(filled, slotBytes: slotBytes, place: place).failure
  }

  /// How large the next segment of a class is: as large as all it has, between the first size and the largest one. So a
  /// few small requests do not take a small arena away from all other sizes.
  private func segmentBytes(_ place: Int) -> Int {
    let first = configuration.firstSegmentBytes(of: classes[place].slotBytes)
    return min(max(classes[place].mappedBytes, first), configuration.segmentBytes)
  }

  /// A slot for a request above the largest class, lent.
  private mutating func obtainLarge(_ bytes: Int, for use: Use, home: SlotHome) -> Result<Slot, BufferError> {
    mapLarge(bytes, home: home).map { lendLarge($0, for: use) }
  }

  private mutating func lendLarge(_ slot: Slot, for use: Use) -> Slot {
    SegmentRecord(of: slot).fields.outCount = 1
    return lend(slot, for: use)
  }

  /// A slot for a request above the largest class: in a segment of its own, unmapped when the slot comes home.
  mutating func mapLarge(_ bytes: Int, home: SlotHome) -> Result<Slot, BufferError> {
    let needed = wholePages(max(bytes, 1))
    guard room >= needed || trim(toMap: needed, sparing: nil) else { return .failure(limitReached(bytes)) }
    switch addSegment(needed, slotBytes: min(needed, BufferArena.largestBuffer), place: nil) {
    case .failure(let error):
      return .failure(error)
    case .success(let number):
      guard let slot = segments[number]?.cut(home: home, flags: flags) else { return .failure(limitReached(bytes)) }
      return .success(slot)
    }
  }

  private mutating func addSegment(_ bytes: Int, slotBytes: Int, place: Int?) -> Result<Int, BufferError> {
    let mapping: Mapping
    do throws(BufferError) {
      if let errno = mapFault?(bytes) { throw .mapFailed(errno: errno, bytes: bytes) }
      mapping = try Mapping.map(bytes, configuration.hugePages)
      mapFailure = nil
    } catch {
      mapFailure = error
      return .failure(error)
    }
    // Sound: the pages were mapped a moment ago, and nobody else knows them.
    if flags.contains(.sanitized), place != nil { unsafe AddressSanitizer.poison(mapping.base, mapping.bytes) }
    let number = vacantPlaces.popLast() ?? segments.count
    if number == segments.count { segments.append(nil) }
    let segment = Segment(mapping, number: number, slotBytes: slotBytes, sizeClass: place)
    segments[number] = segment
    if let place { classes[place].admit(segment) }
    mappedBytes += mapping.bytes
    counters.growths += 1
    return .success(number)
  }

  /// Gives idle segments back until `bytes` more may be mapped. Gives nothing back if that would not be enough.
  private mutating func trim(toMap bytes: Int, sparing place: Int?) -> Bool {
    var missing = bytes - room
    let candidates = segments.indices.filter { number in
      guard let segment = segments[number], segment.isIdle else { return false }
      return segment.sizeClass != place && mayTrim(segment)
    }
    let possible = candidates.reduce(0) { $0 + (segments[$1]?.mapping.bytes ?? 0) }
    guard possible >= missing else { return false }
    for number in candidates where missing > 0 {
      missing -= retire(number)
    }
    return true
  }

  /// Gives all idle segments back.
  ///
  /// - Returns: how many bytes that were.
  mutating func trimAll() -> Int {
    var bytes = 0
    for number in segments.indices {
      if let segment = segments[number], segment.isIdle, mayTrim(segment) { bytes += retire(number) }
    }
    return bytes
  }

  /// A class that promised slots to a kernel keeps its segments until the kernel has come. So does a segment for one
  /// large request, which is idle only while it is promised.
  private func mayTrim(_ segment: Segment) -> Bool {
    segment.sizeClass.map { classes[$0].promised == 0 } ?? false
  }

  /// Gives an idle segment back that may be lent from.
  private mutating func retire(_ number: Int) -> Int {
    guard let segment = segments[number] else { return 0 }
    if let place = segment.sizeClass { classes[place].withhold(segment) }
    counters.trims += 1
    unmap(number)
    return segment.mapping.bytes
  }

  /// Unmaps a segment, all of whose slots are at home and in no free list.
  @inline(never)
  mutating func unmap(_ number: Int) {
    guard let segment = segments[number] else { return }
    segments[number] = nil
    vacantPlaces.append(number)
    mappedBytes -= segment.mapping.bytes
    segment.destroy(unmapping: !process.isForked)
  }

  /// How many bytes more may be mapped. What is put together for one who waits is not for others.
  var room: Int { configuration.byteLimit - mappedBytes - (reservation?.held ?? 0) }

  func limitReached(_ bytes: Int) -> BufferError {
    .limitReached(requested: bytes, mapped: mappedBytes, limit: configuration.byteLimit)
  }
}

extension Result where Failure == BufferError {
  fileprivate var failure: BufferError? {
    if case .failure(let error) = self { return error }
    return nil
  }
}
