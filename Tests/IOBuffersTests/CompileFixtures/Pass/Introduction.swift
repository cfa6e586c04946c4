// The first example of the documentation.
import IOBuffers

func introduction() throws(BufferError) -> Int {
  let arena = try BufferArena()
  var buffer = try arena.allocate(minimumCapacity: 4096)
  try buffer.append(utf8: "hello")
  let reader = try buffer.readView()
  do throws(BufferError) {
    try buffer.resize(to: 65_536)
  } catch {
    guard case .locked(let report) = error, report.readers == 1 else { throw error }
  }
  reader.release()
  try buffer.resize(to: 65_536)
  return buffer.count
}
