internal import Glibc
internal import SystemPackage

/// Descriptors that belong to whoever has this value: those that are to be passed over a Unix socket, or came over one. What
/// nobody has taken out is closed with it.
public struct DescriptorList: ~Copyable, Sendable {
  private var descriptors: [Int32]

  /// As many as the kernel passes with one message: SCM_MAX_FD of unix(7).
  public static var maximumCount: Int { 253 }

  /// An empty list.
  public init() {
    descriptors = []
  }

  /// A list of one.
  public init(_ descriptor: consuming OwnedDescriptor) {
    descriptors = [descriptor.take().rawValue]
  }

  /// Takes over descriptors that are the caller's.
  init(adopting descriptors: [Int32]) {
    self.descriptors = descriptors
  }

  deinit {
    for descriptor in descriptors { Glibc.close(descriptor) }
  }

  /// How many there are.
  public var count: Int { descriptors.count }

  /// Whether there is none.
  public var isEmpty: Bool { descriptors.isEmpty }

  /// Adds one.
  public mutating func append(_ descriptor: consuming OwnedDescriptor) {
    descriptors.append(descriptor.take().rawValue)
  }

  /// Takes the first one out; nil when there is none.
  public mutating func popFirst() -> OwnedDescriptor? {
    descriptors.isEmpty ? nil : OwnedDescriptor(FileDescriptor(rawValue: descriptors.removeFirst()))
  }

  /// Gives all of them up to the caller.
  consuming func take() -> [Int32] {
    let taken = descriptors
    descriptors = []
    return taken
  }
}
