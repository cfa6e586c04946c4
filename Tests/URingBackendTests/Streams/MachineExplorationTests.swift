import Testing

@testable import URingBackend

/// Every state that a connection can reach, by every order of events.
@Suite(.timeLimit(.minutes(5)))
struct MachineExplorationTests {
  static let limits = [
    ConnectionMachine.Limits(readCredit: 2, highWater: 1, lowWater: 0, isHandled: false),
    ConnectionMachine.Limits(readCredit: 2, highWater: 1, lowWater: 0, isHandled: true),
    ConnectionMachine.Limits(readCredit: 1, highWater: 0, lowWater: 0, isHandled: true),
  ]

  @Test(arguments: TestRun.isShort ? [limits[1]] : limits, MachineWorld.Scope.allCases)
  func noReachableStateBreaksARuleOrIsStuck(
    limits: ConnectionMachine.Limits,
    scope: MachineWorld.Scope
  ) async throws {
    // On a thread of its own: it takes seconds, and other tests need theirs.
    let (failure, states, closed) = try await blocking { explore(limits, scope) }
    #expect(failure == nil)
    // The exploration went somewhere.
    #expect(failure != nil || (states > 1000 && closed > 0), "\(states) states, \(closed) of them closed")
  }

  /// What is wrong, if anything; how many states there are, and how many of them are closed.
  private func explore(
    _ limits: ConnectionMachine.Limits,
    _ scope: MachineWorld.Scope
  ) -> (failure: String?, states: Int, closed: Int) {
    let start = MachineWorld(limits: limits, scope: scope)
    var paths: [MachineWorld.Key: (from: MachineWorld.Key?, by: MachineWorld.Event?)] = [start.key: (nil, nil)]
    var frontier = [start]
    var closed = 0
    while let world = frontier.popLast() {
      if paths.count > 40_000 { return ("more than 40000 states", paths.count, closed) }
      if world.isClosed { closed += 1 }
      for event in world.possible {
        var next = world
        next.happen(event)
        if !next.violations.isEmpty {
          return fail("\(next.violations) after \(path(to: world.key, paths) + [event])")
        }
        guard paths[next.key] == nil else { continue }
        paths[next.key] = (world.key, event)
        frontier.append(next)
      }
      for request in [MachineWorld.Event.close, .abort] {
        for misses in 0...1 {
          if let trouble = world.end(by: request, misses: misses) {
            return fail("\(trouble) after \(path(to: world.key, paths) + [request]) with \(misses) cancels that missed")
          }
        }
      }
    }
    return (start.violations.first, paths.count, closed)
  }

  private func fail(_ what: String) -> (failure: String?, states: Int, closed: Int) { (what, 0, 0) }

  /// The events that lead to a state.
  private func path(
    to key: MachineWorld.Key,
    _ paths: [MachineWorld.Key: (from: MachineWorld.Key?, by: MachineWorld.Event?)]
  ) -> [MachineWorld.Event] {
    var events: [MachineWorld.Event] = []
    var place = paths[key]
    while let step = place, let event = step.by {
      events.append(event)
      place = step.from.flatMap { paths[$0] }
    }
    return events.reversed()
  }
}

extension MachineWorld {
  /// Closes the connection with a peer that never does anything again; the kernel answers what it was asked, and timers
  /// fire. Says what is wrong if that does not end with the descriptor closed once.
  func end(by request: Event, misses: Int) -> String? {
    guard !isClosed else { return nil }
    var world = self
    var misses = misses
    if !world.machine.flags.contains(request == .close ? .closing : .aborting) { world.happen(request) }
    for _ in 0..<40 {
      if !world.violations.isEmpty { return "\(world.violations)" }
      if world.isClosed { return world.closes == 1 ? nil : "closed \(world.closes) times" }
      guard let event = world.nextOfKernel(&misses) else { return "stuck at \(world.key)" }
      world.happen(event)
    }
    return "no end at \(world.key)"
  }

  /// What the kernel does next by itself; a cancel that finds its target ends it.
  private func nextOfKernel(_ misses: inout Int) -> Event? {
    if kernel.holdsClose { return .closeDone }
    if kernel.holdsShutdown { return .shutdownDone }
    if kernel.receiveEnds { return .receiveCancelled }
    if kernel.watchEnds { return .watchCancelled }
    if kernel.watchCancels > 0 {
      if misses == 0, kernel.holdsWatch { return .watchCancelFound }
      misses = max(0, misses - 1)
      return .watchCancelMissed
    }
    if kernel.sendEnds { return .sentNothing }
    if kernel.receiveCancels > 0 {
      if misses == 0, kernel.holdsReceive { return .receiveCancelFound }
      misses = max(0, misses - 1)
      return .receiveCancelMissed
    }
    if kernel.sendCancels > 0 {
      if misses == 0, kernel.sending > 0 { return .sendCancelFound }
      misses = max(0, misses - 1)
      return .sendCancelMissed
    }
    return timer == .none ? nil : .timerFires
  }
}
