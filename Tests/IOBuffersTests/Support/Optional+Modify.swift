extension Optional where Wrapped: ~Copyable {
  /// Works on the value in place, if there is one. The place is empty meanwhile, which a class property needs.
  mutating func modify<Result, Failure: Error>(
    _ body: (inout Wrapped) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    guard var value = self.take() else { return nil }
    do throws(Failure) {
      let result = try body(&value)
      self = .some(value)
      return result
    } catch {
      self = .some(value)
      throw error
    }
  }
}
