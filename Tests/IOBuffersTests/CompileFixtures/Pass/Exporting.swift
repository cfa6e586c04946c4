// A type of one's own lends views of memory that it did not allocate with this library.
import IOBuffers

struct Frame: ~Copyable, BufferExporter {
  private let pixels: ForeignBuffer

  init(_ bytes: [UInt8]) throws(BufferError) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
    unsafe memory.copyBytes(from: bytes)
    pixels = try unsafe ForeignBuffer(adopting: memory) { unsafe $0.deallocate() }
  }

  var count: Int { pixels.count }

  borrowing func readView(of range: Range<Int>, file: StaticString, line: UInt) throws(BufferError) -> ReadView {
    try pixels.readView(of: range, file: file, line: line)
  }

  borrowing func writeView(of range: Range<Int>, file: StaticString, line: UInt) throws(BufferError) -> WriteView {
    try pixels.writeView(of: range, file: file, line: line)
  }
}

func checksum(_ exporter: borrowing some BufferExporter & ~Copyable) throws(BufferError) -> Int {
  let view = try exporter.readView()
  var sum = 0
  for offset in 0..<view.count { sum += Int(view[offset]) }
  return sum
}

func use() throws(BufferError) -> Int {
  let arena = try BufferArena()
  var buffer = try arena.allocate(minimumCapacity: 3)
  try buffer.append(contentsOf: [1, 2, 3])
  return try checksum(Frame([1, 2, 3])) + checksum(buffer)
}
