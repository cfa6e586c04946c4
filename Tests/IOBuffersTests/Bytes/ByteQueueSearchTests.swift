import IOBuffers
import Testing

@Suite("Searching a queue of views")
struct ByteQueueSearchTests {
  private let arena: BufferArena

  init() throws {
    arena = try BufferArena(.small([256], byteLimit: 1 << 20))
  }

  @Test(
    "as in one view, wherever the boundaries are",
    arguments: ["aab", "aaab", "b", "baa", "bb", "aabaabaaab", "x", ""]
  )
  func allBoundaries(_ needle: String) throws {
    let bytes = Array("aabaabaaab".utf8)
    let view = try arena.buffer(bytes).finish()
    let needle = Array(needle.utf8)
    for cuts in bytes.cuts {
      let queue = try arena.queue(bytes, cutAt: cuts)
      for start in -1...11 {
        #expect(queue.firstRange(of: needle, from: start) == view.firstRange(of: needle, from: start))
        if let byte = needle.first {
          #expect(queue.firstIndex(of: byte, from: start) == view.firstIndex(of: byte, from: start))
        }
      }
      #expect(queue.starts(with: needle) == view.starts(with: needle))
      #expect(queue.elementsEqual(needle) == view.elementsEqual(needle))
      #expect(unsafe queue.firstRange(of: needle.span.bytes) == view.firstRange(of: needle))
    }
  }

  @Test("text, and names in any case")
  func text() throws {
    let bytes = Array("Content-Length: 7".utf8)
    for cuts in bytes.cuts {
      let queue = try arena.queue(bytes, cutAt: cuts)
      #expect(queue.firstRange(of: ": ") == 14..<16)
      #expect(queue.starts(with: "Content") == true)
      #expect(queue.starts(with: "Content-Length: 7 ") == false)
      #expect(queue.elementsEqual("Content-Length: 7") == true)
      #expect(queue.equalsIgnoringASCIICase("cONTENT-lENGTH: 7") == true)
      #expect(queue.equalsIgnoringASCIICase("content-length: 8") == false)
      #expect(queue.equalsIgnoringASCIICase("content-length: ") == false)
      #expect(queue.equalsIgnoringASCIICase("content-length: 77") == false)
      #expect(queue.decimal(in: 16..<17) == 7)
    }
  }

  @Test("out of range nothing is found")
  func outOfRange() throws {
    let queue = try arena.queue([[1, 2], [3]])
    for start in [-1, 4, Int.max, Int.min] {
      #expect(queue.firstIndex(of: 3, from: start) == nil)
      #expect(queue.firstRange(of: [3], from: start) == nil)
      #expect(queue.firstRange(of: [UInt8](), from: start) == nil)
      #expect(queue.byte(at: start) == nil)
    }
    #expect(queue.firstRange(of: [UInt8](), from: 3) == 3..<3)
  }
}
