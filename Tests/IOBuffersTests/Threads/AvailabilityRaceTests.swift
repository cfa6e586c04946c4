import IOBuffers
import Testing

extension Duels {
  /// The moment when the last slot comes home while somebody begins to wait: nobody may sleep through it.
  @Suite("Waiting against returning")
  struct AvailabilityRaceTests {
    /// What the two threads share in a round. Only one of them touches it outside of the race.
    private final class Field: @unchecked Sendable {
      let arena: BufferArena
      let log = FailureLog()
      var calls = (Counter(), Counter())
      var slots: [DetachedView] = []
      var owner: Keeper?
      var view: ViewBox?

      init(slots: Int) throws {
        arena = try BufferArena(.small([4096], byteLimit: slots * 4096, segmentBytes: slots * 4096))
      }

      func take(_ count: Int, _ round: Int) {
        calls = (Counter(), Counter())
        slots = arena.takeForKernel(slotBytes: 4096, count: count)
        log.expect(slots.count == count, "round \(round): \(slots.count) of \(count) slots can be had")
      }

      func register(_ calls: Counter) {
        arena.whenAvailable(slotBytes: 4096) { calls.add() }
      }

      /// Ends a round: the calls must have come, each once. False ends the test.
      func settle(_ expected: [Counter], _ round: Int) -> Bool {
        for calls in expected where !spin(until: { calls.value > 0 }) {
          log.record("round \(round): a call was lost")
          return false
        }
        for calls in expected { log.expect(calls.value == 1, "round \(round): called \(calls.value) times") }
        log.expect(arena.statistics.waiting == 0, "round \(round): somebody waits")
        return log.isEmpty
      }
    }

    @Test("a loop that asks while the last slot comes home is called")
    func registerAgainstReturn() async throws {
      try await run(slots: 1, rounds: 20_000) { field, round in
        field.take(1, round)
      } first: { field in
        field.slots.first?.releaseFromKernel()
      } second: { field in
        field.register(field.calls.1)
      } judge: { field, round in
        field.settle([field.calls.1], round)
      }
    }

    @Test("an owner and a last view that go at the same time bring the slot home once")
    func ownerAgainstView() async throws {
      try await run(slots: 1, rounds: 20_000) { field, round in
        // Nothing is promised any more.
        for slot in field.arena.takeForKernel(slotBytes: 4096, count: 1) { slot.releaseFromKernel() }
        field.calls = (Counter(), Counter())
        do throws(BufferError) {
          var buffer = try field.arena.allocate(minimumCapacity: 4096)
          try buffer.resize(to: 16)
          field.view = ViewBox(try buffer.readView())
          field.owner = Keeper(buffer)
        } catch {
          field.log.record("round \(round): \(error)")
        }
        field.register(field.calls.0)
      } first: { field in
        field.owner?.drop()
      } second: { field in
        field.view?.release()
      } judge: { field, round in
        field.settle([field.calls.0], round)
      }
    }

    @Test("two loops, two slots, each returns one and asks for one")
    func crossed() async throws {
      try await run(slots: 2, rounds: 15_000) { field, round in
        field.take(2, round)
      } first: { field in
        field.slots.first?.releaseFromKernel()
        field.register(field.calls.0)
      } second: { field in
        field.register(field.calls.1)
        field.slots.last?.releaseFromKernel()
      } judge: { field, round in
        field.settle([field.calls.0, field.calls.1], round)
      }
    }

    @Test("a slot comes home while the arena is closed and dropped: the memory goes, once")
    func closeAgainstReturn() async throws {
      let seed = Settings.seed
      let rounds = Settings.repetitions(3000)
      let (hung, failures) = await onThread {
        let log = FailureLog()
        let field = Ending()
        let finished = Duel.run(
          rounds: rounds,
          order: { Duel.order($0, seed: seed) },
          prepare: { field.prepare($0, log) },
          first: { _ in field.arena = nil },
          second: { _ in field.view?.release() },
          judge: { round in
            field.view = nil
            log.expect(field.home == nil, "round \(round): the arena's core lives on")
            return log.isEmpty
          }
        )
        return (!finished, log.messages)
      }
      #expect(!hung, "SLUICE_TEST_SEED=\(seed)")
      #expect(failures.isEmpty, "SLUICE_TEST_SEED=\(seed)")
    }

    /// An arena and the last view of it.
    private final class Ending: @unchecked Sendable {
      var arena: BufferArena?
      var view: ViewBox?
      weak var home: SlotHome?

      func prepare(_ round: Int, _ log: FailureLog) {
        do throws(BufferError) {
          let arena = try BufferArena(.small([256]))
          let buffer = try arena.allocate(minimumCapacity: 10)
          let detached = try buffer.readView().detach()
          home = detached.slot.home
          view = ViewBox(ReadView(detached))
          self.arena = arena
        } catch {
          log.record("round \(round): \(error)")
        }
        log.expect(home != nil, "round \(round): there is no core")
      }
    }

    private func run(
      slots: Int,
      rounds: Int,
      prepare: @escaping @Sendable (Field, Int) -> Void,
      first: @escaping @Sendable (Field) -> Void,
      second: @escaping @Sendable (Field) -> Void,
      judge: @escaping @Sendable (Field, Int) -> Bool
    ) async throws {
      let seed = Settings.seed
      let field = try Field(slots: slots)
      let hung = await onThread {
        !Duel.run(
          rounds: Settings.repetitions(rounds),
          order: { Duel.order($0, seed: seed) },
          prepare: { prepare(field, $0) },
          first: { _ in first(field) },
          second: { _ in second(field) },
          judge: { judge(field, $0) }
        )
      }
      #expect(!hung, "SLUICE_TEST_SEED=\(seed)")
      #expect(field.log.messages.isEmpty, "SLUICE_TEST_SEED=\(seed)")
      #expect(field.arena.statistics.slotsOut == 0)
    }
  }
}
