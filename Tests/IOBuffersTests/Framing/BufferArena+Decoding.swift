import IOBuffers

extension BufferArena {
  /// All frames of a stream that comes in pieces, each in a slot of its own, and the error that ended it.
  func decode<Decoder: FrameDecoder>(
    _ decoder: consuming Decoder,
    _ bytes: [UInt8],
    _ cuts: [Int]
  ) throws -> (frames: [[UInt8]], error: FrameError?) where Decoder.Frame == ByteQueue, Decoder.Failure == FrameError {
    var framer = Framer(decoder)
    var frames: [[UInt8]] = []
    do throws(FrameError) {
      for piece in bytes.pieces(cutAt: cuts) {
        do throws(BufferError) {
          unsafe framer.append(try allocate(copying: piece.span.bytes).finish())
        } catch {
          throw .buffer(error)
        }
        while let frame = try framer.next() { frames.append(frame.bytes()) }
      }
      while let frame = try framer.end() { frames.append(frame.bytes()) }
    } catch {
      return (frames, error)
    }
    return (frames, nil)
  }
}
