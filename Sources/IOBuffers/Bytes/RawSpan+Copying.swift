extension Array where Element == UInt8 {
  /// A copy of the bytes of a span, to be kept when the memory that they are in is not.
  ///
  /// - Parameter bytes: what to copy.
  @inlinable
  public init(copying bytes: RawSpan) {
    // Sound: the span is borrowed for the call, and the array has room for so many.
    self = unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
  }
}
