// expected: value of type 'WriteView' has no member 'withMutableBytes'
// expected: value of type 'WriteView' has no member 'mutableBytes'
import IOBuffers

// Swift 6.3 accepts such a body of any closure that is lent a mutable span, `inout` or `consuming`: so there is none.
func fixture(_ a: consuming WriteView, _ other: consuming WriteView) {
  var b: WriteView? = other
  a.withMutableBytes { span in
    // swift-format-ignore
    span = b!.mutableBytes
    b = nil
    span.storeBytes(of: 1, toByteOffset: 0, as: UInt8.self)
  }
}
