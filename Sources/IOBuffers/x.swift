import Synchronization
@safe public struct RV: ~Copyable, @unchecked Sendable {
  let base: UnsafeRawPointer; let count: Int; let header: UnsafeMutablePointer<Atomic<UInt64>>
  public init(_ n: Int) { 
    unsafe base = UnsafeRawPointer(UnsafeMutableRawPointer.allocate(byteCount: n, alignment: 8)); count = n
    unsafe header = .allocate(capacity: 1)
    unsafe header.initialize(to: Atomic(0))
  }
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get { unsafe _overrideLifetime(RawSpan(_unsafeStart: base, byteCount: count), borrowing: self) }
  }
  public consuming func release() { unsafe header.pointee.add(1, ordering: .releasing); discard self }
  deinit { unsafe header.pointee.add(1, ordering: .releasing) }
}
