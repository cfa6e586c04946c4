import Foundation
import Synchronization

/// Two threads that meet at a barrier again and again, and then act at the same time, or one right after the other.
final class Duel: Sendable {
  /// Who goes first in a round. `together` lets both run, each after a short pause of its own.
  enum Order: Equatable {
    case firstThenSecond
    case secondThenFirst
    case together(firstPause: Int, secondPause: Int)
  }

  private let isReady = Atomic<Int>(0)
  private let isStarted = Atomic<Int>(0)
  private let firstIsDone = Atomic<Int>(0)
  private let secondIsDone = Atomic<Int>(0)

  /// Runs `rounds` rounds. `prepare` and `judge` run alone, on the thread of `first`, before and after each round.
  ///
  /// - Returns: false if a thread hung.
  static func run(
    rounds: Int,
    order: @escaping @Sendable (Int) -> Order,
    prepare: (Int) -> Void,
    first: (Int) -> Void,
    second: @escaping @Sendable (Int) -> Void,
    judge: (Int) -> Bool
  ) -> Bool {
    let duel = Duel()
    let thread = Thread {
      for round in 1...rounds where !duel.fight(round, order(round), second) { return }
    }
    thread.stackSize = 8 << 20
    thread.start()
    for round in 1...rounds {
      prepare(round)
      let ready = spin { duel.isReady.load(ordering: .acquiring) == round }
      if !ready { return false }
      let order = order(round)
      duel.isStarted.store(round, ordering: .releasing)
      switch order {
      case .firstThenSecond: break
      case .secondThenFirst: if !spin(until: { duel.secondIsDone.load(ordering: .acquiring) == round }) { return false }
      case .together(let pause, _): Self.pause(pause)
      }
      first(round)
      duel.firstIsDone.store(round, ordering: .releasing)
      if !spin(until: { duel.secondIsDone.load(ordering: .acquiring) == round }) { return false }
      if !judge(round) {
        // The other thread waits for a round that never starts; a negative one sends it home.
        duel.isStarted.store(-1, ordering: .releasing)
        return true
      }
    }
    return true
  }

  private func fight(_ round: Int, _ order: Order, _ second: (Int) -> Void) -> Bool {
    isReady.store(round, ordering: .releasing)
    if !spin(until: { [round, -1].contains(isStarted.load(ordering: .acquiring)) }) { return false }
    if isStarted.load(ordering: .acquiring) == -1 { return false }
    switch order {
    case .firstThenSecond: if !spin(until: { firstIsDone.load(ordering: .acquiring) == round }) { return false }
    case .secondThenFirst: break
    case .together(_, let pause): Self.pause(pause)
    }
    second(round)
    secondIsDone.store(round, ordering: .releasing)
    return true
  }

  /// Both strict orders, then a pseudo-random spread of pauses for the races between, and again from the start after
  /// `period` rounds.
  static func order(_ round: Int, period: Int = 8, seed: UInt64) -> Order {
    switch (round - 1) % period {
    case 0: return .firstThenSecond
    case 1: return .secondThenFirst
    default:
      var generator = SeededGenerator(seed: seed &+ UInt64(round))
      return .together(firstPause: generator.below(40), secondPause: generator.below(40))
    }
  }

  private static func pause(_ turns: Int) {
    let idle = Atomic<Int>(0)
    for _ in 0..<turns { idle.store(1, ordering: .relaxed) }
  }
}
