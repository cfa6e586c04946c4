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
}
