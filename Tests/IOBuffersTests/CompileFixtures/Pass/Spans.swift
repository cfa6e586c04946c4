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
  do {
    var span = unsafe view.unsafeMutableBytes
    if span.byteCount >= 1 { span.storeBytes(of: 1, toByteOffset: 0, as: UInt8.self) }
  }
  return view.freeze()
}

func passingOn(_ view: consuming WriteView) -> ReadView {
  zero(&view)
  do {
    var span = unsafe view.unsafeMutableBytes
    zero(&span)
  }
  return view.freeze()
}

func zero(_ view: inout WriteView) {
  for offset in 0..<view.count { view[offset] = 0 }
}

func zero(_ span: inout MutableRawSpan) {
  for offset in 0..<span.byteCount { span.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self) }
}

func copying(_ reader: borrowing ReadView, _ view: consuming WriteView) throws(BufferError) -> ReadView {
  try view.store(reader.bytes, at: 0)
  try view.fill(reader.count..<view.count, with: 0)
  return view.freeze()
}

// A variable may get another span, as long as both views live.
func alternately(_ first: borrowing ReadView, _ second: borrowing ReadView, _ isLate: Bool) -> Int {
  var span = first.bytes
  if isLate { span = second.bytes }
  return span.byteCount
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
