// expected: 'frame' used after consume
import IOBuffers

func fixture(_ frame: consuming ByteQueue, _ output: inout OutputBytes) -> Int {
  output.append(frame)
  return frame.count
}
