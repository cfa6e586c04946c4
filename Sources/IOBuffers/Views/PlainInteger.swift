/// The integers that can be read from bytes and written as bytes: those of the standard library.
///
/// Each pattern of their bits is a value, and each of their bits counts. A type of one's own that conforms to
/// `FixedWidthInteger` need not be so: it could hold a pointer, which a peer would then choose, or padding, which would
/// tell a peer what was in memory before. So no other types conform: `_seal` cannot be made outside of this package.
public protocol PlainInteger: FixedWidthInteger, BitwiseCopyable, Sendable {
  /// What only this package can make. Asked for before an integer is read or written, so that there is no way around it.
  static var _seal: PlainIntegerSeal<Self> { get }
}

/// The proof that a ``PlainInteger`` is one.
@frozen
public struct PlainIntegerSeal<Integer>: Sendable {
  @usableFromInline
  init() {}
}

extension Int8: PlainInteger {
  /// This type is plain.
  @inlinable
  public static var _seal: PlainIntegerSeal<Self> { PlainIntegerSeal() }
}

extension Int16: PlainInteger {
  /// This type is plain.
  @inlinable
  public static var _seal: PlainIntegerSeal<Self> { PlainIntegerSeal() }
}

extension Int32: PlainInteger {
  /// This type is plain.
  @inlinable
  public static var _seal: PlainIntegerSeal<Self> { PlainIntegerSeal() }
}

extension Int64: PlainInteger {
  /// This type is plain.
  @inlinable
  public static var _seal: PlainIntegerSeal<Self> { PlainIntegerSeal() }
}

extension Int128: PlainInteger {
  /// This type is plain.
  @inlinable
  public static var _seal: PlainIntegerSeal<Self> { PlainIntegerSeal() }
}

extension Int: PlainInteger {
  /// This type is plain.
  @inlinable
  public static var _seal: PlainIntegerSeal<Self> { PlainIntegerSeal() }
}

extension UInt8: PlainInteger {
  /// This type is plain.
  @inlinable
  public static var _seal: PlainIntegerSeal<Self> { PlainIntegerSeal() }
}

extension UInt16: PlainInteger {
  /// This type is plain.
  @inlinable
  public static var _seal: PlainIntegerSeal<Self> { PlainIntegerSeal() }
}

extension UInt32: PlainInteger {
  /// This type is plain.
  @inlinable
  public static var _seal: PlainIntegerSeal<Self> { PlainIntegerSeal() }
}

extension UInt64: PlainInteger {
  /// This type is plain.
  @inlinable
  public static var _seal: PlainIntegerSeal<Self> { PlainIntegerSeal() }
}

extension UInt128: PlainInteger {
  /// This type is plain.
  @inlinable
  public static var _seal: PlainIntegerSeal<Self> { PlainIntegerSeal() }
}

extension UInt: PlainInteger {
  /// This type is plain.
  @inlinable
  public static var _seal: PlainIntegerSeal<Self> { PlainIntegerSeal() }
}
