// Spans, in all ways that the compiler can follow.
import IOBuffers

func closure(_ view: consuming ReadView) -> Int {
  let sum = view.withBytes { span in
    span.byteOffsets.reduce(0) { $0 + Int(span.unsafeByte(at: $1)) }
  }
  view.release()
  return sum
}

func closureOnConstant(_ buffer: borrowing PooledBuffer) throws(BufferError) -> Int {
  let view = try buffer.readView()
  let count = view.withBytes { $0.byteCount }
  view.release()
  return count
}

func property(_ view: consuming ReadView) -> Int {
  let count = view.bytes.byteCount
  view.release()
  return count
}

func propertyOfVariable(_ buffer: borrowing PooledBuffer) throws(BufferError) -> Int {
  var view = try buffer.readView()
  let count = view.bytes.byteCount
  try view.removePrefix(count)
  view.release()
  return count
}

func writing(_ view: consuming WriteView) -> ReadView {
  view.withMutableBytes { span in
    if span.byteCount >= 2 { span.storeBytes(of: 0x0102 as UInt16, toByteOffset: 0, as: UInt16.self) }
  }
  do {
    var span = view.mutableBytes
    if span.byteCount >= 1 { span.storeBytes(of: 1, toByteOffset: 0, as: UInt8.self) }
  }
  return view.freeze()
}

func throwing(_ view: borrowing ReadView) throws(BufferError) -> Int {
  try view.withBytes { (span) throws(BufferError) in
    guard !span.isEmpty else { throw .closed }
    return span.byteCount
  }
}

func noncopyableResult(_ view: borrowing ReadView) -> PooledBuffer? {
  view.withBytes { (span) -> PooledBuffer? in
    try? BufferArena().allocate(copying: span)
  }
}

extension RawSpan {
  fileprivate func unsafeByte(at offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }
}
