import FuzzLoop
import IOBuffers

/// Any calls on views, with any numbers: they succeed or throw, what they give is what an array gives, and nothing is left
/// locked.
private func fuzzViews(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count >= 4 else { return 0 }
  // The fuzzer's memory, there for as long as the call.
  let input = unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
  var program = input[...]
  do {
    let arena = try BufferArena()
    try play(&program, input, arena)
    precondition(arena.statistics.slotsOut == 0, "a slot is left")
  } catch {
    preconditionFailure("\(error)")
  }
  return 0
}

private func play(_ program: inout ArraySlice<UInt8>, _ content: [UInt8], _ arena: BufferArena) throws {
  var buffer = try arena.allocate(minimumCapacity: content.count)
  try buffer.append(contentsOf: content)
  var view = try buffer.readView()
  var model = content[...]
  while let step = program.popFirst() {
    let first = Int(program.popFirst() ?? 0) - 8
    let second = Int(program.popFirst() ?? 0) - 8
    switch step % 6 {
    case 0:
      let isPossible = first >= 0 && first <= model.count
      if (try? view.removePrefix(first)) != nil {
        precondition(isPossible)
        model = model.dropFirst(first)
      } else {
        precondition(!isPossible)
      }
    case 1 where first <= second:
      let isPossible = first >= 0 && second <= model.count
      if (try? view.narrow(to: first..<second)) != nil {
        precondition(isPossible)
        model = model.dropFirst(first).prefix(second - first)
      } else {
        precondition(!isPossible)
      }
    case 2 where first <= second:
      if let part = try? view.slice(first..<second) {
        precondition(part.elementsEqual(Array(model.dropFirst(first).prefix(second - first))))
      }
    case 3:
      let found = view.firstIndex(of: UInt8(truncatingIfNeeded: second), from: max(0, first))
      let expected = Array(model).dropFirst(max(0, first)).firstIndex(of: UInt8(truncatingIfNeeded: second))
      precondition(found == expected)
    case 4:
      _ = try? view.load(at: first, as: UInt32.self)
    default:
      if let other = try? view.share() { precondition(other.elementsEqual(Array(model))) }
    }
    precondition(view.count == model.count)
  }
}

@main
enum FuzzViews {
  static func main() {
    unsafe fuzz { bytes, count in unsafe fuzzViews(bytes, count) }
  }
}
