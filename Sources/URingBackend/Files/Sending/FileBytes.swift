internal import IOBuffers

/// A range of a file, as it is sent: what is small and in the page cache is appended to what is sent before it, so that both go out with
/// one send; the rest follows as a file.
struct FileBytes {
  /// Up to so many bytes are copied out of the page cache: they fit into a slot of 64 KiB, behind a head. Of more, sendfile(2) is
  /// cheaper (docs/benchmarks.md).
  static let mostCopied = 64_512

  let file: File
  /// What is not copied.
  private(set) var rest: Range<Int>

  init(_ file: File, _ range: Range<Int>?) throws(FileError) {
    self.file = file
    rest = try file.checked(range, .send)
  }

  /// Room for what may be copied.
  var copyable: Int { rest.count <= FileBytes.mostCopied ? rest.count : 0 }

  /// Copies what is small and in the page cache. Does not wait, for a disk or for memory.
  mutating func append(to output: inout OutputBytes) {
    guard copyable > 0 else { return }
    let (file, offset, count) = (file, rest.lowerBound, rest.count)
    do throws(BufferError) {
      // The span stays where it is; the kernel writes to it what it reports.
      let read = try unsafe output.unsafeAppend(capacity: count) { span throws(BufferError) in
        var read = 0
        unsafe span.withUnsafeMutableBytes { room, initialized in
          guard let base = room.baseAddress else { return }
          read = max(0, unsafe FileCall.readCached(file, base, count, at: offset))
          initialized = read
        }
        return read
      }
      rest = offset + read..<rest.upperBound
    } catch {
      // No memory: what waits for it is the file's turn.
    }
  }
}
