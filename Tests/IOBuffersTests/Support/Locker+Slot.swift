import IOBuffers

extension Locker where Value == ReadView {
  /// The slot that the view in here locks. Its header stays valid as long as somebody holds the slot.
  var slot: Slot? {
    guard let view = take() else { return nil }
    let detached = view.detach()
    put(ReadView(detached))
    return detached.slot
  }
}
