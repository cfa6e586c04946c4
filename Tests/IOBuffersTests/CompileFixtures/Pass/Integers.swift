// Integers of the standard library, also in generic code.
import IOBuffers

func all(_ view: borrowing ReadView) throws(BufferError) -> Int {
  var sum = 0
  sum &+= Int(truncatingIfNeeded: try view.load(at: 0, as: UInt8.self))
  sum &+= Int(truncatingIfNeeded: try view.load(at: 0, as: Int16.self))
  sum &+= Int(truncatingIfNeeded: try view.load(at: 0, as: UInt32.self, .little))
  sum &+= Int(truncatingIfNeeded: try view.load(at: 0, as: UInt128.self))
  let inferred: Int64 = try view.load(at: 0)
  return sum &+ Int(inferred)
}

func generic<T: PlainInteger>(_ view: borrowing ReadView, _ type: T.Type) throws(BufferError) -> T {
  try view.load(at: 0, as: type) &+ 1
}

func writing(_ view: consuming WriteView) throws(BufferError) -> ReadView {
  try view.store(0x0102 as UInt16, at: 0)
  try view.store(-1, at: 2, .little)
  return view.freeze()
}

func appending(_ buffer: inout PooledBuffer) throws(BufferError) {
  try buffer.append(1 as Int8)
  try buffer.append(1, as: .little)
}
