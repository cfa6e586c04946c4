@testable import URingBackend

/// The drivers that have to answer as the kernel does.
enum ConformingDriver: String, CaseIterable, Sendable {
  case epoll
  case simulation

  func makeKernel() -> any Kernel {
    switch self {
    case .simulation: SimulatedKernel()
    case .epoll: LoopbackKernel { try ReadinessDriver(entries: $0, completionEntries: $1) }
    }
  }

  /// Whose answers are right.
  static func makeReference() throws -> any Kernel {
    let features = try KernelFeatures.here.get()
    return LoopbackKernel { try KernelDriver(entries: $0, completionEntries: $1, features: features) }
  }
}
