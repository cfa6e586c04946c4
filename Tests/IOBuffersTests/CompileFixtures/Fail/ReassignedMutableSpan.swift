// expected: expression uses unsafe constructs but is not marked with 'unsafe'
import IOBuffers

// Swift 6.3 does not see that the span outlives what it shows: so the word is needed that says who sees to it.
func fixture(_ a: consuming WriteView, _ other: consuming WriteView, _ isLate: Bool) {
  var b: WriteView? = other
  var span = a.unsafeMutableBytes
  // swift-format-ignore
  if isLate { span = b!.unsafeMutableBytes }
  b = nil
  span.storeBytes(of: 1, toByteOffset: 0, as: UInt8.self)
}
