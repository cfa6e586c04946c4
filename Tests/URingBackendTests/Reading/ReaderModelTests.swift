import IOBuffers
import Testing

@testable import URingBackend

/// Random mixtures of all operations against an array of the same bytes, with timeouts and cancellations in between.
@Suite(.timeLimit(.minutes(5)))
struct ReaderModelTests {
  @Test(arguments: [1, 2, 3, 4], Place.allCases)
  func aRandomMixtureReadsTheStreamAsItIs(seed: UInt64, place: Place) async throws {
    let delivery: Delivery = seed == 1 ? .singleBytes : seed == 2 ? .atOnce : .pieces
    let count = delivery == .singleBytes ? 4000 : TestRun.amount(200_000, short: 50_000, long: 2_000_000)
    let stream = ReaderModel.stream(count, seed: seed)
    let model = try await serveOne(
      place,
      client: { client in
        try delivery.send(stream, over: client, seed: seed)
        try client.closeOutput()
        _ = client.isEnded()
      },
      body: { connection in
        var model = ReaderModel(stream: stream, seed: seed)
        var reader = connection.reader()
        while try await model.step(&reader) {}
        return model.position
      }
    )
    #expect(model == stream.count)
  }
}

/// What a reader must do.
private struct ReaderModel {
  enum Outcome: Equatable {
    case bytes([UInt8])
    case end
    case tooLong
    case endedInTheMiddle(Int)
  }

  let stream: [UInt8]
  var position = 0
  var random: Noise

  /// Noise in which lines, delimiters and small lengths are frequent.
  static func stream(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = Noise(seed: seed)
    return (0..<count).map { _ in
      switch Int.random(in: 0..<60, using: &random) {
      case 0, 1: 10
      case 2: 13
      case 3: 1
      default: UInt8.random(in: .min ... .max, using: &random)
      }
    }
  }

  init(stream: [UInt8], seed: UInt64) {
    self.stream = stream
    random = Noise(seed: seed &+ 99)
  }

  var rest: ArraySlice<UInt8> { stream[position...] }

  /// One operation on both. False when the stream is over.
  mutating func step(_ reader: inout ConnectionReader) async throws -> Bool {
    let count = Int.random(in: 0...300, using: &random)
    let start = position
    let expected: Outcome
    let found: Outcome
    switch Int.random(in: 0..<9, using: &random) {
    case 0:
      expected = take(count)
      found = try await attempt(&reader) { .bytes(try await $0.read(exactly: count, timeout: $1).bytes()) }
    case 1:
      // How many there are is the network's choice; that they are the next ones is not.
      found = try await attempt(&reader) { reader, timeout in
        guard let some = try await reader.read(upTo: count + 1, timeout: timeout) else { return .end }
        return .bytes(some.bytes())
      }
      if case .bytes(let bytes) = found {
        #expect(!bytes.isEmpty && bytes.count <= count + 1)
        expected = take(bytes.count)
      } else {
        expected = rest.isEmpty ? .end : .tooLong
      }
    case 2:
      expected = delimited([10], limit: count)
      found = try await attempt(&reader) { Self.outcome(try await $0.read(until: "\n", limit: count, timeout: $1)) }
    case 3:
      expected = delimited([1, 10], limit: 10_000)
      found = try await attempt(&reader) {
        Self.outcome(try await $0.read(until: [1, 10], limit: 10_000, timeout: $1))
      }
    case 4:
      expected = line(limit: count)
      found = try await attempt(&reader) { Self.outcome(try await $0.readLine(limit: count, timeout: $1)) }
    case 5:
      let isThere = try await attempt(&reader) { try await $0.peek(count, timeout: $1) ? .end : .tooLong }
      #expect((isThere == .end) == (rest.count >= count))
      expected = .bytes(Array(rest.prefix(count)))
      found = .bytes(Array(reader.bytes.bytes().prefix(count)))
    case 6:
      let target = position + min(count, rest.count)
      if rest.count < count {
        expected = .endedInTheMiddle(rest.count)
        position = stream.count
      } else {
        expected = take(count).isBytes ? .end : .tooLong
      }
      found = try await attempt(&reader) { reader, timeout in
        let left = count - (reader.position - start)
        do {
          try await reader.skip(left, timeout: timeout)
          return .end
        } catch ReadError.endedInTheMiddle {
          return .endedInTheMiddle(reader.position - start)
        }
      }
      let reached = reader.position
      #expect(reached == target)
    case 7:
      var buffer = try await reader.connection.allocate(minimumCapacity: count)
      let isWhole = rest.count >= count
      expected = .bytes(Array(rest.prefix(count)))
      position += min(count, rest.count)
      let end = try await attempt(&reader) { reader, timeout in
        try await reader.read(count - buffer.count, into: &buffer, timeout: timeout)
        return .end
      }
      #expect((end == .end) == isWhole)
      found = .bytes(try buffer.readView().copied())
    default:
      var decoder = LengthPrefixDecoder(.uint8)
      expected =
        rest.first.map { rest.count > Int($0) ? take(1 + Int($0), dropping: 1) : .endedInTheMiddle(rest.count) } ?? .end
      found = try await attempt(&reader) { reader, timeout in
        Self.outcome(try await reader.next(&decoder, timeout: timeout))
      }
    }
    #expect(found == expected, "at \(start)")
    let reached = reader.position
    #expect(reached == position)
    guard found == expected, reached == position else { return false }
    if position == stream.count { return false }
    // What never ends is passed by other means.
    if case .bytes = expected { return true }
    if rest.count < 400 { try await reader.skip(take(1).isBytes ? 1 : 0) }
    return true
  }

  /// Runs an operation, some of the time after it has been interrupted once.
  private mutating func attempt(
    _ reader: inout ConnectionReader,
    _ operation: (inout ConnectionReader, Duration?) async throws -> Outcome
  ) async throws -> Outcome {
    let time = Duration.microseconds(Int.random(in: 0...200, using: &random))
    do {
      switch Int.random(in: 0..<6, using: &random) {
      case 0:
        do {
          return try await operation(&reader, time)
        } catch ReadError.connection(let error) where error.kind == .timedOut {}
      case 1:
        let loop = reader.connection.loop
        do {
          return try await loop.withDeadline(after: time) { try await operation(&reader, nil) }
        } catch is DeadlineExceeded {}
      default: break
      }
      return try await operation(&reader, nil)
    } catch ReadError.tooLong {
      return .tooLong
    } catch ReadError.endedInTheMiddle(let leftover, _) {
      return .endedInTheMiddle(leftover)
    } catch FrameError.endedInTheMiddle(let leftover) {
      return .endedInTheMiddle(leftover)
    }
  }

  private static func outcome(_ bytes: consuming ByteQueue?) -> Outcome {
    if let bytes { .bytes(bytes.bytes()) } else { .end }
  }

  private mutating func take(_ count: Int, dropping prefix: Int = 0) -> Outcome {
    guard rest.count >= count else { return .endedInTheMiddle(rest.count) }
    defer { position += count }
    return .bytes(Array(rest.prefix(count).dropFirst(prefix)))
  }

  private mutating func delimited(_ delimiter: [UInt8], limit: Int) -> Outcome {
    let places = rest.indices.dropLast(delimiter.count - 1)
    guard let end = places.first(where: { stream[$0..<$0 + delimiter.count].elementsEqual(delimiter) }) else {
      if rest.count - (delimiter.count - 1) > limit { return .tooLong }
      return rest.isEmpty ? .end : .endedInTheMiddle(rest.count)
    }
    guard end - position <= limit else { return .tooLong }
    defer { position = end + delimiter.count }
    return .bytes(Array(stream[position..<end]))
  }

  private mutating func line(limit: Int) -> Outcome {
    guard let end = rest.firstIndex(of: 10) else {
      if rest.count - (rest.last == 13 ? 1 : 0) > limit { return .tooLong }
      return rest.isEmpty ? .end : .endedInTheMiddle(rest.count)
    }
    let last = end > position && stream[end - 1] == 13 ? end - 1 : end
    guard last - position <= limit else { return .tooLong }
    defer { position = end + 1 }
    return .bytes(Array(stream[position..<last]))
  }
}

extension ReaderModel.Outcome {
  fileprivate var isBytes: Bool { if case .bytes = self { true } else { false } }
}
