import ArgumentParser
import GRPCCore
import GRPCEcho
import GRPCNIOTransportHTTP2Posix

/// gRPC's own client on SwiftNIO's own loops: calls, and compares what comes back.
@main
struct GRPCEchoClient: AsyncParsableCommand {
  typealias Client = GRPCClient<HTTP2ClientTransport.Posix>

  static let configuration = CommandConfiguration(abstract: "Calls a server of sluice.Echo, and checks each answer.")

  @Option(help: "The server's port, on 127.0.0.1.")
  var port: Int

  @Option(help: "Connections.")
  var connections = 1

  @Option(help: "Calls in flight, over all connections.")
  var inFlight = 1

  @Option(help: "How many calls to make.")
  var calls = 100

  @Option(help: "Bytes of a message.")
  var size = 64

  @Option(help: "With a number of messages: each call is a stream with so many, both ways.")
  var messages = 0

  func validate() throws {
    guard connections >= 1, inFlight >= 1, calls >= 1, size >= 0, messages >= 0 else {
      throw ValidationError("there must be at least one connection, one call in flight and one call.")
    }
  }

  func run() async throws {
    let clients = try (0..<connections).map { _ in
      Client(
        transport: try HTTP2ClientTransport.Posix(
          target: .ipv4(address: "127.0.0.1", port: port),
          transportSecurity: .plaintext
        )
      )
    }
    let caller = Caller(size: size, messages: messages)
    let (calls, inFlight) = (calls, inFlight)
    let failed = try await withThrowingDiscardingTaskGroup { running in
      for client in clients { running.addTask { try await client.runConnections() } }
      let failed = await withTaskGroup { callers in
        for first in 0..<inFlight {
          callers.addTask {
            var failed = 0
            for number in stride(from: first, to: calls, by: inFlight) {
              if await !caller.call(clients[first % clients.count], number) { failed += 1 }
            }
            return failed
          }
        }
        return await callers.reduce(0, +)
      }
      for client in clients { client.beginGracefulShutdown() }
      return failed
    }
    print("calls \(calls - failed), failed \(failed)")
    if failed > 0 { throw ExitCode.failure }
  }
}

/// Makes calls, and compares.
struct Caller {
  typealias Client = GRPCEchoClient.Client

  let size: Int
  let messages: Int

  /// Whether what came back was right.
  func call(_ client: Client, _ number: Int) async -> Bool {
    let message = (0..<size).map { UInt8(truncatingIfNeeded: $0 &+ number) }
    do {
      return messages == 0 ? try await unary(client, message) : try await stream(client, message)
    } catch {
      print("call \(number): \(error)")
      return false
    }
  }

  private func unary(_ client: Client, _ message: [UInt8]) async throws -> Bool {
    try await client.unary(
      request: ClientRequest(message: message),
      descriptor: EchoService.say,
      serializer: BytesSerializer(),
      deserializer: BytesDeserializer(),
      options: .defaults
    ) { response in try response.message == message }
  }

  private func stream(_ client: Client, _ message: [UInt8]) async throws -> Bool {
    let messages = messages
    return try await client.bidirectionalStreaming(
      request: StreamingClientRequest { writer in
        for _ in 0..<messages { try await writer.write(message) }
      },
      descriptor: EchoService.chat,
      serializer: BytesSerializer(),
      deserializer: BytesDeserializer(),
      options: .defaults
    ) { response in
      var count = 0
      for try await answer in response.messages {
        guard answer == message else { return false }
        count += 1
      }
      return count == messages
    }
  }
}
