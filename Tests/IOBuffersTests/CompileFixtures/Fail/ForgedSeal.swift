// expected: 'PlainIntegerSeal<Integer>' initializer is inaccessible due to 'internal' protection level
import IOBuffers

// Without it no type of one's own conforms to PlainInteger.
struct Address {
  static var _seal: PlainIntegerSeal<Self> { PlainIntegerSeal() }
}
