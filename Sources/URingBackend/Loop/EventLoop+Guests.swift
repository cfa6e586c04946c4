/// Clients beside the connections: made when they are first asked for, so that a server of streams neither pays nor holds
/// memory for them.
extension EventLoop {
  /// As many as a family has values; see `OperationID.family`.
  private static let families = 8

  /// Gives `guest` the completions of the operations of `family`, 1 to 7, from now on until the loop's end. Not on a loop
  /// that is stopping: nobody would stop it. Its timers are notices (`LoopTimer.notice`).
  func attach(_ guest: LoopClient, family: Int) {
    if guests.isEmpty { guests = Array(repeating: LoopClient(), count: EventLoop.families) }
    guests[family] = guest
  }

  /// The guest of a family, where there is one.
  func guest(family: Int) -> LoopClient? {
    guests.isEmpty ? nil : guests[family]
  }

  @inline(never)
  func prepareGuests() -> Bool {
    var more = false
    for guest in guests where guest.prepare() { more = true }
    return more
  }

  @inline(never)
  func completeForGuest(_ completion: Completion, _ operation: OperationID) {
    guest(family: operation.family)?.complete(completion, operation)
  }

  /// Whether nothing is open, of any client.
  var areClientsIdle: Bool {
    client.isIdle && guests.allSatisfy(\.isIdle) && tenant?.isIdle ?? true
  }
}
