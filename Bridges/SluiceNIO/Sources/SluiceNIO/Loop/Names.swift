internal import URingBackend

/// The loop of this package's core. Plain `EventLoop` is SwiftNIO's in this target.
typealias SluiceLoop = URingBackend.EventLoop

/// An address as the core has it. Plain `SocketAddress` is SwiftNIO's in this target.
typealias SluiceAddress = URingBackend.SocketAddress
