/// Descriptors that are worth another try without a further report, first come, first served. Each stands in it once,
/// which its state notes, so it holds no more than there are descriptors.
struct ReadyQueue {
  private var places: [Int32] = []
  private var first = 0

  var isEmpty: Bool { first == places.count }
  var count: Int { places.count - first }

  func contains(_ descriptor: Int32) -> Bool { places[first...].contains(descriptor) }

  mutating func append(_ descriptor: Int32) {
    places.append(descriptor)
  }

  mutating func popFirst() -> Int32? {
    guard first < places.count else { return nil }
    let descriptor = places[first]
    first += 1
    if first == places.count {
      places.removeAll(keepingCapacity: true)
      first = 0
    } else if first >= 1024 {
      places.removeFirst(first)
      first = 0
    }
    return descriptor
  }
}
