import Sluice

struct Echo {
  static func main() async throws {
    let server = TCPServer(address: .loopback(port: 7007))
    try await server.run { connection in
      while let view = try await connection.receive() {
        try await connection.send(view)
      }
    }
  }
}
