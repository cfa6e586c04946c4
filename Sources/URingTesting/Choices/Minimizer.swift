/// Makes a list of choices that fails as quiet as it can: what remains tells what matters.
///
/// Values are set to 0 rather than removed, so that the others keep their places (delta debugging, Zeller and Hildebrandt,
/// 2002, on the places that are not 0).
package struct Minimizer: Sendable {
  /// How often a run may be tried.
  package var attempts: Int

  package init(attempts: Int = 2000) { self.attempts = attempts }

  /// - Parameter fails: runs a list, and says whether the run fails in the way that is looked for.
  /// - Returns: a list that fails; `list` itself where it does not.
  package func minimize(_ list: [UInt32], fails: ([UInt32]) -> Bool) -> [UInt32] {
    var search = Search(best: trimmed(list), remaining: attempts)
    guard search.tries(search.best, fails) else { return list }
    cutTail(&search, fails)
    var before: [UInt32]
    repeat {
      before = search.best
      silenceBlocks(&search, fails)
      lowerValues(&search, fails)
    } while search.best != before && search.remaining > 0
    return search.best
  }

  private struct Search {
    var best: [UInt32]
    var remaining: Int

    /// Whether this list fails as well; if so, it is the best from now on.
    mutating func tries(_ list: [UInt32], _ fails: ([UInt32]) -> Bool) -> Bool {
      guard remaining > 0 else { return false }
      remaining -= 1
      guard fails(list) else { return false }
      best = list
      return true
    }
  }

  /// The zeros at the end of a list say what its end says.
  private func trimmed(_ list: [UInt32]) -> [UInt32] {
    guard let last = list.lastIndex(where: { $0 != 0 }) else { return [] }
    return Array(list[...last])
  }

  private func cutTail(_ search: inout Search, _ fails: ([UInt32]) -> Bool) {
    var low = 0
    while low < search.best.count, search.remaining > 0 {
      let middle = (low + search.best.count) / 2
      if !search.tries(trimmed(Array(search.best[..<middle])), fails) { low = middle + 1 }
    }
  }

  private func silenceBlocks(_ search: inout Search, _ fails: ([UInt32]) -> Bool) {
    var loud = search.best.indices.filter { search.best[$0] != 0 }
    var size = loud.count
    while size >= 1, search.remaining > 0 {
      var start = 0
      while start < loud.count, search.remaining > 0 {
        let block = start..<min(start + size, loud.count)
        var list = search.best
        for place in loud[block] { list[place] = 0 }
        if search.tries(list, fails) { loud.removeSubrange(block) } else { start = block.upperBound }
      }
      size /= 2
    }
    search.best = trimmed(search.best)
  }

  private func lowerValues(_ search: inout Search, _ fails: ([UInt32]) -> Bool) {
    for place in search.best.indices where search.best[place] > 1 {
      // `low` is quiet or not known to fail, the value itself fails.
      var low: UInt32 = 0
      while search.best[place] - low > 1, search.remaining > 0 {
        var list = search.best
        let value = low == 0 ? 1 : low + (list[place] - low) / 2
        list[place] = value
        if !search.tries(list, fails) { low = value }
      }
    }
  }
}
