/// Memory that somebody has waited for, because an arena that is dry is not asked again and again.
extension OutputBytes {
  /// Goes on in the room that a buffer has, which the output takes over. What is written already comes before it.
  ///
  /// - Parameter buffer: of the output's arena, without bytes and without views.
  /// - Throws: ``BufferError/locked(_:)`` if a view of it is out; the output is then unchanged.
  package mutating func adopt(_ buffer: consuming PooledBuffer) throws(BufferError) {
    var buffer = buffer
    // The owner goes with this function; the writer stays.
    start(try buffer.lendRoom(min(buffer.capacity - buffer.count, BufferArena.largestPosted)))
  }

  /// How many bytes can be appended without taking memory.
  package var freeCapacity: Int { room &+ spareRoom }
}
