import NIOCore
import Testing

@testable import SluiceNIO

/// Memory is used again when nobody else has it, and not before.
@Suite struct ReceiveBuffersTests {
  private func copy(_ text: String, _ buffers: inout ReceiveBuffers) -> ByteBuffer {
    unsafe Array(text.utf8).withUnsafeBytes { unsafe buffers.copy($0) }
  }

  private func address(_ buffer: ByteBuffer) -> UInt {
    unsafe buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
  }

  @Test func memoryThatNobodyHasIsUsedAgain() {
    var buffers = ReceiveBuffers()
    var addresses: Set<UInt> = []
    for number in 0..<1000 {
      let buffer = copy("message \(number)", &buffers)
      #expect(String(buffer: buffer) == "message \(number)")
      addresses.insert(address(buffer))
    }
    #expect(addresses.count == 64)
  }

  @Test func memoryThatSomebodyHasIsLeftAlone() {
    var buffers = ReceiveBuffers()
    var kept: [ByteBuffer] = []
    for number in 0..<500 {
      let buffer = copy("message \(number)", &buffers)
      if number % 7 == 0 { kept.append(buffer) }
    }
    for (place, buffer) in kept.enumerated() { #expect(String(buffer: buffer) == "message \(place * 7)") }
  }

  @Test func whoWritesToABufferWritesToItsOwn() {
    var buffers = ReceiveBuffers()
    var first = copy("first", &buffers)
    first.writeString(" and more")
    for number in 0..<200 { #expect(String(buffer: copy("\(number)", &buffers)) == "\(number)") }
    #expect(String(buffer: first) == "first and more")
  }

  @Test func aMessageLargerThanTheBufferGetsALargerOne() {
    var buffers = ReceiveBuffers()
    for count in [10, 3000, 70_000, 1, 65_536] {
      for _ in 0..<70 {
        let bytes = [UInt8](repeating: UInt8(count % 251), count: count)
        let buffer = unsafe bytes.withUnsafeBytes { unsafe buffers.copy($0) }
        #expect(Array(buffer.readableBytesView) == bytes)
      }
    }
  }
}
