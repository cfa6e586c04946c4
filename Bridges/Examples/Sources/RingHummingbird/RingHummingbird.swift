import ArgumentParser
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import Serving
import SluiceHummingbird
import SluiceNIO

/// The same router in Hummingbird's own application, and in the one on the ring.
@main
struct RingHummingbird: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A web server of Hummingbird, on the ring or on SwiftNIO's own loops.",
    discussion: """
      /hello, /bytes/N (N bytes, of which the one at i is i modulo 251), /slow/N (hello after N milliseconds), and /echo, which \
      sends back the body of the request.
      """
  )

  @OptionGroup var options: ServingOptions

  func run() async throws {
    var logger = Logger(label: "hummingbird")
    logger.logLevel = .error
    let options = options
    let group = try options.makeGroup()
    let announce: @Sendable (any Channel) async -> Void = { options.announce("RingHummingbird", $0) }
    do {
      if let group = group as? RingEventLoopGroup {
        let app = SluiceApplication(
          router: router(),
          group: group,
          address: .hostname(options.host, port: Int(options.port)),
          logger: logger,
          onServerRunning: announce
        )
        try await app.runService()
      } else {
        let app = Application(
          router: router(),
          configuration: .init(address: .hostname(options.host, port: Int(options.port))),
          onServerRunning: announce,
          eventLoopGroupProvider: .shared(group),
          logger: logger
        )
        try await app.runService()
      }
      say("stopped")
    } catch {
      try await group.shutdownGracefully()
      throw error
    }
    try await group.shutdownGracefully()
  }

  private func router() -> Router<BasicRequestContext> {
    let router = Router()
    router.get("hello") { _, _ in "Hello, World!" }
    router.get("bytes/:count") { _, context -> ByteBuffer in
      let count = try context.parameters.require("count", as: Int.self)
      guard (0...1 << 30).contains(count) else { throw HTTPError(.badRequest) }
      return Self.bytes(count)
    }
    router.get("slow/:milliseconds") { _, context in
      try await Task.sleep(for: .milliseconds(context.parameters.require("milliseconds", as: Int.self)))
      return "Hello, World!"
    }
    router.post("echo") { request, _ in Response(status: .ok, body: .init(asyncSequence: request.body)) }
    return router
  }

  /// What `bytes` copies from.
  private static let pattern = ByteBuffer(bytes: (0..<251 * 256).map { UInt8($0 % 251) })

  private static func bytes(_ count: Int) -> ByteBuffer {
    if let piece = pattern.getSlice(at: 0, length: count) { return piece }
    var bytes = ByteBuffer()
    bytes.reserveCapacity(count)
    while bytes.readableBytes < count {
      bytes.writeImmutableBuffer(
        pattern.getSlice(at: 0, length: min(count - bytes.readableBytes, pattern.readableBytes)) ?? pattern
      )
    }
    return bytes
  }
}
