@testable import URingBackend

/// The drivers that have to answer as the kernel does.
enum ConformingDriver: String, CaseIterable, Sendable {
  case epoll

  func makeKernel() -> any Kernel {
    switch self {
    case .epoll: LoopbackKernel { try ReadinessDriver(entries: $0, completionEntries: $1) }
    }
  }

  /// Whose answers are right.
  static func makeReference() throws -> any Kernel {
    let features = try KernelFeatures.here.get()
    return LoopbackKernel { try KernelDriver(entries: $0, completionEntries: $1, features: features) }
  }
}
