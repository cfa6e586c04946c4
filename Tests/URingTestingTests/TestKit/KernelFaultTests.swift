import Testing
import URingBackend

@testable import URingTesting

/// What the simulated kernel does on its worst days, each time.
struct KernelFaultTests {
  /// A receive that ended is armed again together with the next send: where the call takes one of them only, the other
  /// must not be slept on.
  @Test func nobodySleepsOnSubmissionsThatWereNotTaken() throws {
    let network = try TestNetwork()
    network.system.network.choices = Choices(seed: 1, only: [.consumesFewer: 1, .endsMultishot: 1])
    let upstream = try network.serve(echo)
    let server = try network.serve { connection in
      let other = try await TCPConnection.connect(to: upstream, on: connection.loop)
      while let request = try await connection.receive() {
        try await other.send(request)
        guard let answer = try await other.receive() else { break }
        try await connection.send(answer)
      }
      await other.close()
    }
    let client = try network.connect(to: server)
    // Nothing else happens that would wake the loop.
    try network.advance(by: .seconds(2))
    for number in 0..<20 {
      try client.send([UInt8(number)])
      #expect(try client.receive(exactly: 1) == [UInt8(number)])
    }
    #expect(network.now < .seconds(3))
    let report = try network.end()
    #expect(report.isClean, "\(report)")
  }

  /// The server stands still for longer than its idle timeout, while a question is on its way.
  @Test func whatCameWhileTheProcessStoodStillIsAnswered() throws {
    var configuration = TCPServer.Configuration()
    configuration.limits.idleTimeout = .seconds(8)
    for seed in UInt64(1)...20 {
      let network = try TestNetwork(seed: seed, configuration: configuration)
      network.system.network.choices = Choices(seed: seed, only: [.clockJumps: 0.2, .missesBuffers: 0.2])
      let client = try network.connect(to: network.serve(echo))
      for number in 0..<40 {
        try client.send([UInt8(number)])
        try #require(try client.receive(exactly: 1) == [UInt8(number)], "\(network)")
      }
      #expect(network.system.stoodStill > 0)
      let report = try network.end()
      #expect(report.isClean, "\(report)")
    }
  }

  /// Reading pauses again and again, and each time the receive that is cancelled brings some more.
  @Test func bytesThatComeAfterACancelAreInTheirPlace() throws {
    var configuration = TCPServer.Configuration()
    configuration.limits.unreadBytes = 1000
    configuration.loop.disabledFeatures = [.receiveLimit]
    let bytes = (0..<30_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    for seed in UInt64(1)...20 {
      let network = try TestNetwork(seed: seed, configuration: configuration)
      network.system.network.choices = Choices(
        seed: seed,
        only: [.goesOnAfterCancel: 0.7, .saysAlready: 0.5, .endsBeforeAnswer: 0.3, .bytesArriving: 0.5]
      )
      let server = try network.serve { connection in
        while let view = try await connection.receive() {
          try await connection.loop.sleep(for: .microseconds(50))
          try await connection.send(view)
        }
      }
      let client = try network.connect(to: server)
      try client.send(bytes)
      try client.finish()
      try #require(try client.receiveToEnd() == bytes, "\(network)")
      let report = try network.end()
      #expect(report.isClean, "\(report)")
    }
  }

  /// Notifications that come late, in another order, or with the close; sends that are refused or copied.
  @Test func zeroCopySendsArriveWholeAndLeaveNothing() throws {
    var configuration = TCPServer.Configuration()
    configuration.loop.zeroCopySendThreshold = 1
    let bytes = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    var statistics = LoopStatistics()
    for seed in UInt64(1)...20 {
      let network = try TestNetwork(seed: seed, configuration: configuration)
      network.system.network.choices = Choices(
        seed: seed,
        only: [
          .delaysNotification: 0.7, .notifiesAtClose: 0.2, .copiesNevertheless: 0.2, .refusesZeroCopy: 0.2,
          .owesAfterFailure: 0.5, .shortSend: 0.3, .bytesArriving: 0.3,
        ]
      )
      let client = try network.connect(to: network.serve(echo))
      try client.send(bytes)
      try client.finish()
      try #require(try client.receiveToEnd() == bytes, "\(network)")
      let report = try network.end()
      #expect(report.isClean, "\(report)")
      statistics += report.statistics
    }
    #expect(statistics.zeroCopySends > 0 && statistics.zeroCopyCopied > 0 && statistics.zeroCopyFallbacks > 0)
  }
}
