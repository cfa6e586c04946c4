import IOBuffers

extension BufferArena.Configuration {
  /// A small arena: 64 KiB, cut into slots of the sizes given.
  static func small(
    _ slotSizes: [Int] = [256, 4096],
    byteLimit: Int = 64 << 10,
    segmentBytes: Int = 16 << 10,
    diagnostics: BufferArena.Diagnostics = .off
  ) -> Self {
    Self(byteLimit: byteLimit, segmentBytes: segmentBytes, slotSizes: slotSizes, diagnostics: diagnostics)
  }
}

extension BufferArena {
  /// Lends buffers until there are no more; the error that ended it.
  func drain(_ capacity: Int, upTo limit: Int = 100_000) -> (buffers: [Keeper], error: BufferError?) {
    var buffers: [Keeper] = []
    while buffers.count < limit {
      do throws(BufferError) {
        buffers.append(Keeper(try allocate(minimumCapacity: capacity)))
      } catch {
        return (buffers, error)
      }
    }
    return (buffers, nil)
  }
}
