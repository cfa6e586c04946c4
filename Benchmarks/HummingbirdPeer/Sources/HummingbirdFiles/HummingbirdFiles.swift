import ArgumentParser
import Hummingbird
import Logging
import NIOPosix

/// The peer on Hummingbird: the files of a folder, as its documentation serves them, with one event loop.
@main
struct HummingbirdFiles: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serves the files of a folder on Hummingbird, to be measured against."
  )

  @Option(help: "The address to listen on.")
  var host = "127.0.0.1"

  @Option(help: "The port to listen on; 0 lets the kernel choose, and prints which.")
  var port = 8080

  @Option(help: "The folder whose files are served.")
  var root: String

  func run() async throws {
    let router = Router()
    router.add(middleware: FileMiddleware(root))
    router.get("plaintext") { _, _ in "Hello, World!" }
    var logger = Logger(label: "hummingbird")
    logger.logLevel = .error
    let app = Application(
      router: router,
      configuration: .init(address: .hostname(host, port: port)),
      onServerRunning: { channel in
        print("HummingbirdFiles listening on 127.0.0.1:\(channel.localAddress?.port ?? 0)")
        fflush(nil)
      },
      eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup(numberOfThreads: 1)),
      logger: logger
    )
    try await app.runService()
  }
}

#if canImport(Glibc)
  import Glibc
#endif
