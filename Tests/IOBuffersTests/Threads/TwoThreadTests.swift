import IOBuffers
import Testing

extension Duels {
  /// Two threads perform every pair of short sequences on one buffer, at the same time and in both orders. What they were
  /// told must be what some interleaving of the sequential model says, and the slot must be home at the end.
  @Suite("Every pair of short sequences")
  struct TwoThreadTests {
    private struct Encounter: Sendable {
      let first: [RaceModel.Operation]
      let second: [RaceModel.Operation]
      /// What the second thread holds at the start, nil if both borrow the owner.
      let start: LockModel.Mode?
      let legal: Set<Int>
      /// The transcripts of one thread after the other.
      let firstThenSecond: Int
      let secondThenFirst: Int

      init(_ first: [RaceModel.Operation], _ second: [RaceModel.Operation], start: LockModel.Mode?) {
        self.first = first
        self.second = second
        self.start = start
        let model = RaceModel(second: start.map { [$0] } ?? [])
        legal = model.transcripts(first, second)
        firstThenSecond = model.transcript(first, second, secondGoesFirst: false)
        secondThenFirst = model.transcript(first, second, secondGoesFirst: true)
      }

      /// Whether every operation has something to work on in some interleaving. Otherwise a shorter pair is the same.
      var isUseful: Bool {
        let digits = legal.map { RaceModel.digits($0, first.count, second.count) }
        return (0..<first.count + second.count).allSatisfy { place in digits.contains { $0[place] != 0 } }
      }

      var name: String {
        let start = start.map { ", which starts with a \($0)" } ?? ""
        return "\(first) against \(second)\(start)"
      }
    }

    @Test("two borrowers of one owner")
    func sharedOwner() async throws {
      let sequences = Self.sequences(of: [.read, .write, .share, .split, .freeze, .release])
      var encounters: [Encounter] = []
      for (index, first) in sequences.enumerated() {
        for second in sequences[index...] { encounters.append(Encounter(first, second, start: nil)) }
      }
      try await run(encounters.filter(\.isUseful), repetitions: Settings.repetitions(30))
    }

    @Test("the owner's thread against a thread that holds a view")
    func ownerAgainstHolder() async throws {
      let owners = Self.sequences(of: [.read, .write, .resize, .drop, .release])
      let holders = Self.sequences(of: [.share, .split, .freeze, .release])
      var encounters: [Encounter] = []
      for first in owners {
        for second in holders {
          encounters.append(Encounter(first, second, start: .reader))
          encounters.append(Encounter(first, second, start: .writer))
        }
      }
      try await run(encounters.filter(\.isUseful), repetitions: Settings.repetitions(20))
    }

    /// All sequences of one to three operations.
    private static func sequences(of operations: [RaceModel.Operation]) -> [[RaceModel.Operation]] {
      let one = operations.map { [$0] }
      let two = one.flatMap { first in operations.map { first + [$0] } }
      let three = two.flatMap { first in operations.map { first + [$0] } }
      return one + two + three
    }

    private func run(_ encounters: [Encounter], repetitions: Int) async throws {
      let seed = Settings.seed
      var configuration = BufferArena.Configuration()
      configuration.byteLimit = 64 << 10
      configuration.segmentBytes = 16 << 10
      configuration.slotSizes = [64]
      let arena = try BufferArena(configuration)
      let repetitions = max(4, repetitions)
      let (hung, failures) = await onThread {
        let log = FailureLog()
        let field = Field(arena: arena, encounters: encounters, repetitions: repetitions, log: log)
        let finished = Duel.run(
          rounds: encounters.count * repetitions,
          order: { Duel.order($0, period: repetitions, seed: seed) },
          prepare: field.prepare,
          first: field.first,
          second: field.second,
          judge: field.judge
        )
        return (!finished, log.messages)
      }
      #expect(!hung, "SLUICE_TEST_SEED=\(seed)")
      #expect(failures.isEmpty, "SLUICE_TEST_SEED=\(seed)")
      #expect(arena.statistics.slotsOut == 0)
    }

    /// What the two threads hand to each other at the barrier. Only one of them touches it outside of `first` and `second`.
    private final class Field: @unchecked Sendable {
      private let arena: BufferArena
      private let encounters: [Encounter]
      private let repetitions: Int
      private let log: FailureLog
      private var parties: (Party, Party)?

      init(arena: BufferArena, encounters: [Encounter], repetitions: Int, log: FailureLog) {
        self.arena = arena
        self.encounters = encounters
        self.repetitions = repetitions
        self.log = log
      }

      private func encounter(_ round: Int) -> Encounter { encounters[(round - 1) / repetitions] }

      func prepare(_ round: Int) {
        let encounter = encounter(round)
        let presences = (Presence(), Presence())
        let first = Party(0, presences.0, other: presences.1, log: log) { "first of \(encounter.name)" }
        let second = Party(1, presences.1, other: presences.0, log: log) { "second of \(encounter.name)" }
        do throws(BufferError) {
          var buffer = try arena.allocate(minimumCapacity: 64)
          try buffer.resize(to: 16)
          switch encounter.start {
          case .reader: second.hold(ViewBox(try buffer.readView()))
          case .writer: second.hold(ViewBox(try buffer.writeView()))
          case nil: break
          }
          if encounter.start == nil {
            let owner = SharedOwner(buffer)
            first.borrow(owner)
            second.borrow(owner)
          } else {
            first.own(buffer)
          }
        } catch {
          log.record("\(encounter.name): \(error)")
        }
        parties = (first, second)
      }

      func first(_ round: Int) {
        parties?.0.perform(encounter(round).first)
      }

      func second(_ round: Int) {
        parties?.1.perform(encounter(round).second)
      }

      func judge(_ round: Int) -> Bool {
        guard let (first, second) = parties else { return false }
        let encounter = encounter(round)
        let transcript = RaceModel.transcript(first.digits, second.digits)
        if !encounter.legal.contains(transcript) {
          let digits = (String(first.digits, radix: 3), String(second.digits, radix: 3))
          log.record("\(encounter.name): \(digits.0) and \(digits.1) is no sequential outcome")
        }
        switch (round - 1) % repetitions {
        case 0: log.expect(transcript == encounter.firstThenSecond, "\(encounter.name): wrong in this order")
        case 1: log.expect(transcript == encounter.secondThenFirst, "\(encounter.name): wrong in the other order")
        default: break
        }
        // The rest goes in both orders.
        if round.isMultiple(of: 2) {
          first.leave()
          second.leave()
        } else {
          second.leave()
          first.leave()
        }
        parties = nil
        log.expect(arena.statistics.slotsOut == 0, "\(encounter.name): the slot did not come home")
        return log.isEmpty
      }
    }
  }
}
