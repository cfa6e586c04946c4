import NIOCore
import Testing

@testable import SluiceNIO

@Suite(.serialized) struct UnixSocketTests {
  @Test func bytesGoBothWaysOverAPath() async throws {
    let path = TemporaryFile.temporaryPath()
    try await onRing { stage in
      let server = try await stage.value(
        stage.recordedServer(.sums) { _ in [Script.echo()] }
          .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: false)
      )
      #expect(server.localAddress?.pathname == path)
      let peer = try PlainSocket(connectedTo: try SocketAddress(unixDomainSocketPath: path))
      let text = String(repeating: "over a path, ", count: 5000)
      try peer.send(text)
      #expect(try peer.receive(text.utf8.count) == text)
      let child = try await stage.child()
      #expect(child.localAddress?.pathname == path)
      // There is no such option, and bootstraps set it for all.
      try await stage.value(child.setOption(.tcpOption(.tcp_nodelay), value: 1))
      peer.endOutput()
      try await stage.value(child.closeFuture)
      #expect(try peer.receive().isEmpty)
    }
    TemporaryFile.remove(path)
  }
}
