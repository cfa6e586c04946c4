import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

extension SluiceApplication {
  /// Answers one request: contexts, dates and errors as Hummingbird has them.
  func respond() -> HTTPChannelHandler.Responder {
    let responder = responder
    let dates = HTTPDate()
    let serverName = configuration.serverName
    let logger = logger
    return { request, writer, channel in
      var requestLogger = logger
      requestLogger[metadataKey: "hb.request.id"] = .stringConvertible(RequestID())
      var response = try await withLogger(requestLogger) { logger in
        try await Self.answer(request, channel, logger, responder)
      }
      response.headers[.date] = dates.now()
      if let serverName { response.headers[.server] = serverName }
      do {
        try await writer.write(response: response.head, body: response.body)
      } catch is HTTPParserError {
        // As a parser error it would be answered, behind a response that has begun.
        throw BrokenRequestBody()
      }
    }
  }

  private static func answer(
    _ request: Request,
    _ channel: any Channel,
    _ logger: Logger,
    _ responder: Responder
  ) async throws -> Response {
    let context = Responder.Context(source: ApplicationRequestContextSource(channel: channel, logger: logger))
    do {
      return try await responder.respond(to: request, context: context)
    } catch let error as HTTPParserError {
      // The client's: it ends the connection, with an answer of its own.
      throw error
    } catch {
      logger.debug("The responder failed", metadata: ["error": "\(error)"])
      return Response(status: .internalServerError, body: .init())
    }
  }
}

/// A response was made of the request's body, which turned out to be none.
struct BrokenRequestBody: Error {}
