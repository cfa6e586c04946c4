import Foundation
import IOBuffers
import Testing

/// Random sequences against another implementation of the same idea: CPython's bytearray and memoryview.
///
/// `SLUICE_ORACLE_SEQUENCES` says how many (the default takes seconds), `SLUICE_TEST_SEED` which.
@Suite(.timeLimit(.minutes(60)))
struct OracleTests {
  @Test("the same operations, the same outcomes as bytearray and memoryview")
  func differential() async throws {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "oracle.py")
    let sequences = Settings.integer("SLUICE_ORACLE_SEQUENCES") ?? Settings.repetitions(6000)
    let seed = Settings.seed
    let result = await onThread { Result { try compare(sequences, seed: seed, script: script) } }
    let summary = try result.get()
    #expect(summary.difference == nil, "SLUICE_TEST_SEED=\(seed)")
    #expect(summary.sequences == sequences)
    // The sequences are worth something only if they meet both answers.
    #expect(summary.locked > summary.sequences / 2)
    #expect(summary.operations > 10 * summary.sequences)
  }
}

private struct Summary: Sendable {
  var sequences = 0
  var operations = 0
  var locked = 0
  var difference: String?
}

private struct Transcript {
  var operations: [OracleOperation] = []
  var outcomes: [String] = []
}

private func compare(_ sequences: Int, seed: UInt64, script: URL) throws -> Summary {
  let oracle = try OracleProcess(script: script)
  defer { oracle.close() }
  let arena = try BufferArena(BufferArena.Configuration(byteLimit: 4 << 20, segmentBytes: 64 << 10))
  var generator = OracleGenerator(seed: seed)
  var summary = Summary()
  var batch: [Transcript] = []
  var bytes = 0
  while summary.sequences < sequences, summary.difference == nil {
    let transcript = try invent(&generator, arena)
    if arena.statistics.slotsOut != 0 {
      let lines = transcript.operations.map(\.line).joined(separator: "\n")
      summary.difference = "a slot did not come home after\n\(lines)"
    }
    batch.append(transcript)
    bytes += transcript.operations.reduce(0) { $0 + $1.line.utf8.count + 1 }
    summary.sequences += 1
    if bytes > OracleProcess.batchBytes / 2 || summary.sequences == sequences {
      try settle(batch, oracle, arena, &summary)
      batch = []
      bytes = 0
    }
  }
  return summary
}

/// A new sequence, with what it did here.
private func invent(_ generator: inout OracleGenerator, _ arena: BufferArena) throws -> Transcript {
  let subject = OracleSubject(arena)
  var transcript = Transcript()
  func perform(_ operation: OracleOperation) throws {
    guard let outcome = try subject.perform(operation) else { return }
    transcript.operations.append(operation)
    transcript.outcomes.append(outcome)
  }
  let length = generator.length()
  try perform(generator.first())
  while transcript.operations.count < length {
    try perform(generator.next(for: subject))
  }
  for view in subject.views(.reader) + subject.views(.writer) { try perform(.bytes(view.name)) }
  try perform(.content)
  subject.clear()
  return transcript
}

/// Asks the oracle for the same sequences.
private func settle(
  _ batch: [Transcript],
  _ oracle: OracleProcess,
  _ arena: BufferArena,
  _ summary: inout Summary
) throws {
  let outcomes = try oracle.exchange(batch.flatMap { $0.operations.map(\.line) })
  var next = outcomes.startIndex
  for transcript in batch {
    let expected = Array(outcomes[next..<next + transcript.outcomes.count])
    next += transcript.outcomes.count
    summary.operations += transcript.outcomes.count
    summary.locked += expected.count { $0 == "locked" }
    if expected != transcript.outcomes, summary.difference == nil {
      summary.difference = try explain(shrink(transcript.operations, oracle, arena), oracle, arena)
    }
  }
}

/// Both sides' outcomes of a sequence, where both define it.
private func replay(
  _ operations: [OracleOperation],
  _ oracle: OracleProcess,
  _ arena: BufferArena
) throws -> [(line: String, ours: String, theirs: String)] {
  let subject = OracleSubject(arena)
  var lines: [String] = []
  var outcomes: [String] = []
  for operation in operations {
    guard let outcome = try subject.perform(operation) else { continue }
    lines.append(operation.line)
    outcomes.append(outcome)
  }
  subject.clear()
  let theirs = try oracle.exchange(lines)
  return lines.indices.map { (lines[$0], outcomes[$0], theirs[$0]) }
}

/// Leaves operations out as long as the two sides still differ.
private func shrink(
  _ operations: [OracleOperation],
  _ oracle: OracleProcess,
  _ arena: BufferArena
) throws -> [OracleOperation] {
  var shortest = operations
  var place = shortest.count - 1
  while place > 0 {
    var candidate = shortest
    candidate.remove(at: place)
    if try replay(candidate, oracle, arena).contains(where: { $0.ours != $0.theirs }) { shortest = candidate }
    place = min(place - 1, shortest.count - 1)
  }
  return shortest
}

private func explain(
  _ operations: [OracleOperation],
  _ oracle: OracleProcess,
  _ arena: BufferArena
) throws -> String {
  try replay(operations, oracle, arena).map { line, ours, theirs in
    ours == theirs ? "\(line) -> \(ours)" : "\(line) -> \(ours), but Python: \(theirs)"
  }
  .joined(separator: "\n")
}
