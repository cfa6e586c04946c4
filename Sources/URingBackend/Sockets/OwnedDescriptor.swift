internal import Glibc
public import SystemPackage

/// A descriptor that belongs to whoever has this value, and is closed with it.
///
/// It cannot be copied, so a descriptor is closed once and never twice: a second close(2) of a number would close what has
/// been opened under that number since. Any thread; the value is `Sendable`, because a descriptor belongs to the process.
public struct OwnedDescriptor: ~Copyable, Sendable {
  private let descriptor: FileDescriptor

  /// Takes over `descriptor`: nobody else closes it from here on.
  public init(_ descriptor: FileDescriptor) {
    self.descriptor = descriptor
  }

  // What close(2) might report belongs to what was written before, and nobody is left who could be told.
  deinit { Glibc.close(descriptor.rawValue) }

  /// The descriptor, for calls that neither close nor keep it. Valid for as long as this value is.
  public var borrowed: FileDescriptor { descriptor }

  /// Gives the descriptor up to the caller, who closes it from here on.
  public consuming func take() -> FileDescriptor {
    let descriptor = descriptor
    discard self
    return descriptor
  }
}
