// expected: expression uses unsafe constructs but is not marked with 'unsafe'
import IOBuffers

// Swift 6.3 lets the span be moved out of the closure: so the word is needed that says who sees to it that it is not.
func fixture(_ output: inout OutputBytes) throws(BufferError) {
  var stolen = OutputRawSpan()
  try output.unsafeAppend(capacity: 10) { span in
    // swift-format-ignore
    stolen = span
    span = OutputRawSpan()
  }
  stolen.append(UInt8(1))
}
