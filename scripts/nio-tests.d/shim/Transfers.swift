// SwiftNIO's have these names, and are for its own package alone.

/// Carries what is not Sendable to where it is used alone.
struct UnsafeTransfer<Wrapped>: @unchecked Sendable {
  var wrappedValue: Wrapped

  init(_ value: Wrapped) { wrappedValue = value }
}

/// The same, to be changed there.
final class UnsafeMutableTransferBox<Wrapped>: @unchecked Sendable {
  var wrappedValue: Wrapped

  init(_ value: Wrapped) { wrappedValue = value }
}
