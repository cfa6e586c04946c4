import IOBuffers
import Testing

@testable import URingBackend

/// The ways in which a loop receives datagrams.
enum DatagramLoop: CaseIterable, Sendable {
  /// As this machine, or `SLUICE_DRIVER`, has it.
  case standard
  /// As kernels without multishot receives of messages have it.
  case oneByOne
  case readiness
  case readinessOneByOne

  var configuration: EventLoop.Configuration {
    var configuration = EventLoop.Configuration()
    if self == .readiness || self == .readinessOneByOne { configuration.driver = .readiness }
    if self == .oneByOne || self == .readinessOneByOne { configuration.disabledFeatures = [.multishotReceiveMessage] }
    return configuration
  }

  /// Runs `body` with a loop, which must hold nothing at its end.
  func run<Result>(
    datagramBytes: Int? = nil,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (EventLoop) async throws -> Result
  ) async throws -> Result {
    var configuration = configuration
    if let datagramBytes { configuration.datagramBytes = datagramBytes }
    let loop = try EventLoop.start(configuration)
    let result: Result
    do {
      result = try await body(loop)
    } catch {
      await loop.shutdown()
      throw error
    }
    await loop.shutdown()
    await loop.expectNothingHeld(sourceLocation: sourceLocation)
    return result
  }
}

extension EventLoop {
  /// A view of a copy of the bytes.
  func view(_ bytes: [UInt8]) throws -> ReadView {
    var buffer = try arena.allocate(minimumCapacity: max(1, bytes.count))
    try buffer.append(contentsOf: bytes)
    return try buffer.finish()
  }
}

extension Datagram {
  /// A copy of the bytes.
  var copy: [UInt8] {
    withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe Array($0) } }
  }
}

extension DatagramSocket {
  /// The next datagram; fails where there is none within a generous time.
  func next() async throws -> Datagram {
    guard let datagram = try await receive(timeout: .seconds(20)) else { throw ServerEndedEarly() }
    return datagram
  }

  /// Whether `receive` says that the socket is closed.
  func isOver() async throws -> Bool {
    if let datagram = try await receive(timeout: .seconds(20)) { datagram.count < 0 } else { true }
  }

  /// Its bytes.
  func receiveBytes() async throws -> [UInt8] { try await next().copy }
}
