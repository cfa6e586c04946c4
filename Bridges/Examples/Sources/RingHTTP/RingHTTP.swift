import ArgumentParser
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOSSL
import Serving

/// HTTP/1.1; with a certificate over TLS, and then HTTP/2 for those who ask for it (ALPN).
@main
struct RingHTTP: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A web server of SwiftNIO, on the ring or on SwiftNIO's own loops.",
    discussion: """
      /hello, /bytes/N (N bytes, of which the one at i is i modulo 251), /slow/N (hello after N milliseconds), and /echo, which \
      sends back the body of the request.
      """
  )

  @OptionGroup var options: ServingOptions

  @Flag(help: "TLS, with HTTP/2 and HTTP/1.1 by negotiation (ALPN). Needs a certificate and a key.")
  var tls = false

  @Flag(help: "HTTP/2 without TLS, for clients that know beforehand.")
  var h2c = false

  @Option(help: ArgumentHelp("The certificate chain, a file in PEM.", valueName: "file"))
  var certificate: String?

  @Option(help: ArgumentHelp("The private key, a file in PEM.", valueName: "file"))
  var key: String?

  func validate() throws {
    guard !tls || (certificate != nil && key != nil) else {
      throw ValidationError("--tls needs --certificate and --key.")
    }
    guard !(tls && h2c) else { throw ValidationError("--tls negotiates HTTP/2 by itself: leave out --h2c.") }
  }

  func run() async throws {
    let context = try tlsContext()
    if let context {
      try await options.serve("RingHTTP") { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
        }.flatMap { Self.negotiated(channel) }
      }
    } else if h2c {
      try await options.serve("RingHTTP") { Self.http2(channel: $0) }
    } else {
      try await options.serve("RingHTTP", halfClosure: true) { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(RequestHandler())
        }
      }
    }
  }

  private func tlsContext() throws -> NIOSSLContext? {
    guard tls, let certificate, let key else { return nil }
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
      privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
    )
    configuration.applicationProtocols = ["h2", "http/1.1"]
    return try NIOSSLContext(configuration: configuration)
  }

  /// Behind TLS: what client and server have agreed upon. Streams of HTTP/2 look like connections of HTTP/1.1 then.
  private static func negotiated(_ channel: any Channel) -> EventLoopFuture<Void> {
    let manager = connectionManager(channel)
    return channel.configureCommonHTTPServerPipeline(
      connectionConfiguration: .init(),
      streamConfiguration: .init(),
      streamDelegate: manager.value.http2StreamDelegate,
      h2ConnectionChannelConfigurator: { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(manager.value) }
      },
      configurator: { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(RequestHandler()) }
      }
    )
  }

  private static func http2(channel: any Channel) -> EventLoopFuture<Void> {
    channel.eventLoop.makeCompletedFuture {
      let manager = connectionManager(channel).value
      _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
        mode: .server,
        connectionConfiguration: .init(),
        streamConfiguration: .init(),
        streamDelegate: manager.http2StreamDelegate
      ) { stream in
        stream.eventLoop.makeCompletedFuture {
          try stream.pipeline.syncOperations.addHandlers(HTTP2FramePayloadToHTTP1ServerCodec(), RequestHandler())
        }
      }
      try channel.pipeline.syncOperations.addHandler(manager)
    }
  }

  /// Says GOAWAY to a client when the server stops, and closes when the last stream is done.
  private static func connectionManager(
    _ channel: any Channel
  ) -> NIOLoopBound<NIOHTTP2ServerConnectionManagementHandler> {
    NIOLoopBound(
      NIOHTTP2ServerConnectionManagementHandler(
        eventLoop: channel.eventLoop,
        configuration: .init(maxIdleTime: nil, maxAge: nil, maxGraceTime: .seconds(5), keepalive: nil)
      ),
      eventLoop: channel.eventLoop
    )
  }
}
