// expected: instance method 'load(at:as:_:)' requires that 'T' conform to 'PlainInteger'
// expected: instance method 'store(_:at:_:)' requires that 'T' conform to 'PlainInteger'
// expected: instance method 'append(_:as:)' requires that 'T' conform to 'PlainInteger'
import IOBuffers

// A type of one's own could be a pointer in fact, which the peer chooses, or have padding, which the peer reads.
func load<T: FixedWidthInteger & BitwiseCopyable>(_ view: borrowing ReadView, _ type: T.Type) throws(BufferError) -> T {
  try view.load(at: 0, as: type)
}

func store<T: FixedWidthInteger & BitwiseCopyable>(_ view: consuming WriteView, _ integer: T) throws(BufferError) {
  try view.store(integer, at: 0)
}

func append<T: FixedWidthInteger & BitwiseCopyable>(_ buffer: inout PooledBuffer, _ integer: T) throws(BufferError) {
  try buffer.append(integer)
}
