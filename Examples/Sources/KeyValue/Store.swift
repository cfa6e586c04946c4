import RESP

/// The keys and their values. It belongs to one loop and needs no lock.
final class Store {
  /// What each key holds, and when it goes by itself, from the beginning on.
  private var entries: [RESPString: (value: RESPString, end: Duration?)] = [:]
  private var used = 0
  /// No key goes before; nil: none goes by itself.
  private var firstEnd: Duration?
  /// The most bytes that keys and values may have, with what is spent on each.
  private let limit: Int
  private let now: () -> Duration
  private static let beginning = ContinuousClock.now

  init(limit: Int, now: @escaping () -> Duration = { ContinuousClock.now - Store.beginning }) {
    (self.limit, self.now) = (limit, now)
  }

  var count: Int {
    removeExpired()
    return entries.count
  }

  /// What a key holds; nil if there is no such key.
  subscript(key: RESPString) -> RESPString? {
    guard let entry = entries[key] else { return nil }
    guard let end = entry.end, end <= now() else { return entry.value }
    remove(key)
    return nil
  }

  /// How long a key has; nil for one that stays, or does not exist.
  func timeLeft(_ key: RESPString) -> Duration? { entries[key]?.end.map { $0 - now() } }

  /// Sets a key. Its time is what it was, unless another is given; `.some(nil)`: it stays.
  ///
  /// - Throws: `.outOfMemory`; the key is then unchanged.
  func set(_ key: RESPString, to value: RESPString, for time: Duration?? = nil) throws(RESPError) {
    let size = size(key, value)
    if size > limit - used { removeExpired() }
    // Found once, and changed where it is.
    let place = entries.index(forKey: key)
    let old = place.map { self.size(key, entries.values[$0].value) } ?? 0
    guard used - old <= limit - size else { throw .outOfMemory }
    used += size - old
    let end = time.map { $0.map { now() + $0 } }
    if let end, let end { firstEnd = min(firstEnd ?? end, end) }
    guard let place else { return entries[key] = (value, end ?? nil) }
    entries.values[place].value = value
    if let end { entries.values[place].end = end }
  }

  /// Removes a key; false if there was none.
  @discardableResult
  func remove(_ key: RESPString) -> Bool {
    guard let entry = entries.removeValue(forKey: key) else { return false }
    used -= size(key, entry.value)
    return entry.end.map { $0 > now() } ?? true
  }

  func removeAll() { (entries, used, firstEnd) = ([:], 0, nil) }

  private func size(_ key: RESPString, _ value: RESPString) -> Int { key.count + value.count + 64 }

  private func removeExpired() {
    // A full store is not searched for nothing, again and again.
    let now = now()
    guard let end = firstEnd, end <= now else { return }
    for key in entries.filter({ $0.value.end.map { $0 <= now } ?? false }).keys { remove(key) }
    firstEnd = entries.values.lazy.compactMap(\.end).min()
  }
}
