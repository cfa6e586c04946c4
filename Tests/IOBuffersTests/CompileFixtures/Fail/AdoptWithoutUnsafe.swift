// expected: expression uses unsafe constructs but is not marked with 'unsafe'
import IOBuffers

func fixture(_ memory: [UInt8]) throws(BufferError) -> ForeignBuffer {
  try ForeignBuffer(adopting: .allocate(byteCount: 1, alignment: 1)) { _ in }
}
