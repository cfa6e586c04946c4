import IOBuffers

/// Makes up sequences of operations. It looks at the subject, so that most operations have something to work on.
struct OracleGenerator {
  private var random: SeededGenerator
  private var names = 0

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
  }

  /// How long the next sequence is.
  mutating func length() -> Int { 8 + random.below(48) }

  mutating func first() -> OracleOperation {
    names = 0
    return .new(bytes(random.below(24)))
  }

  mutating func next(for subject: OracleSubject) -> OracleOperation {
    let readers = subject.views(.reader)
    let writers = subject.views(.writer)
    switch random.below(20) {
    case 0..<5: return export(subject.size ?? 0)
    case 5..<8: return change(subject.size ?? 0)
    case 8..<12:
      // Releases come as often as exports, so that most sequences see locked and unlocked owners.
      let views = readers + writers
      return views.isEmpty ? export(subject.size ?? 0) : .release(views[random.below(views.count)].name)
    case 12..<14: return writers.isEmpty ? export(subject.size ?? 0) : write(writers[random.below(writers.count)])
    case 14..<16: return readers.isEmpty ? .size : derive(readers[random.below(readers.count)])
    case 16..<19: return readers.isEmpty ? .content : look(readers[random.below(readers.count)], readers)
    default: return rare()
    }
  }

  private mutating func name() -> String {
    names += 1
    return "v\(names)"
  }

  private mutating func export(_ size: Int) -> OracleOperation {
    let range = range(within: size)
    return random.chance(1, in: 3) ? .write(name(), range) : .read(name(), range)
  }

  private mutating func change(_ size: Int) -> OracleOperation {
    switch random.below(8) {
    case 0: .clear
    case 1: .append(bytes(random.below(40)))
    case 2: .appendInteger(integer())
    case 3: .appendText(text())
    // Beyond the first slot sizes now and then.
    case 4: .resize(random.chance(1, in: 6) ? random.below(5000) : random.below(300))
    case 5: .resize(max(0, size - random.below(8)))
    default: .resize(size + random.below(8))
    }
  }

  private mutating func write(_ view: (name: String, count: Int)) -> OracleOperation {
    switch random.below(6) {
    case 0: .split(name(), from: view.name, at: random.below(view.count + 1))
    case 1: .freeze(view.name)
    default: .store(view.name, random.below(view.count + 4) - 1, integer())
    }
  }

  private mutating func derive(_ view: (name: String, count: Int)) -> OracleOperation {
    switch random.below(4) {
    case 0: .share(name(), of: view.name)
    case 1: .slice(name(), of: view.name, range(within: view.count))
    case 2: .split(name(), from: view.name, at: random.below(view.count + 1))
    default: .narrow(view.name, range(within: view.count))
    }
  }

  private mutating func look(
    _ view: (name: String, count: Int),
    _ others: [(name: String, count: Int)]
  ) -> OracleOperation {
    switch random.below(9) {
    case 0: .count(view.name)
    case 1: .byte(view.name, random.below(view.count + 2))
    case 2: .load(view.name, random.below(view.count + 4) - 1, integer())
    case 3: .find(view.name, bytes(random.below(4)))
    case 4: .index(view.name, byte(), from: random.below(view.count + 2))
    case 5: .starts(view.name, bytes(random.below(4)))
    case 6: .equal(view.name, others[random.below(others.count)].name)
    case 7: .text(view.name)
    default: .bytes(view.name)
    }
  }

  private mutating func rare() -> OracleOperation {
    switch random.below(6) {
    case 0: .drop
    case 1: .finish(name())
    case 2: .release("nobody")
    case 3: .content
    default: .size
    }
  }

  private mutating func range(within size: Int) -> Range<Int> {
    if random.chance(1, in: 3) { return 0..<size }
    let ends = (random.below(size + 1), random.below(size + 1))
    return min(ends.0, ends.1)..<max(ends.0, ends.1)
  }

  /// Few values, so that searches and comparisons succeed often; some of them are no valid text.
  private mutating func byte() -> UInt8 {
    [0, 10, 13, 65, 66, 128, 195, 169, 240, 255][random.below(10)]
  }

  private mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in byte() }
  }

  private mutating func text() -> String {
    (0..<random.below(6)).map { _ in ["a", "é", "€", "𝄞", "\r\n", ""][random.below(6)] }.joined()
  }

  private mutating func integer() -> OracleInteger {
    OracleInteger(
      bits: random.chance(1, in: 4) ? UInt64.max >> UInt64(random.below(64)) : random.next(),
      size: [1, 2, 4, 8][random.below(4)],
      isSigned: random.chance(1, in: 2),
      order: random.chance(1, in: 2) ? .big : .little
    )
  }
}
