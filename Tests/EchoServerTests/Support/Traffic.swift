import Foundation
import Testing

/// Real traffic from a client that is not ours, and what the server counted of it.
enum Traffic {
  /// Sends messages of random sizes on several connections at a time, and compares every byte. Prints how many.
  private static let client = """
    import os, random, socket, sys, threading
    host, port, seed = sys.argv[1].strip('[]'), int(sys.argv[2]), int(sys.argv[3])
    sizes = [1, 2, 100, 1500, 65536, 300001]
    failed = []
    def serve(number):
        try:
            noise = random.Random(seed + number)
            with socket.create_connection((host, port), timeout=50) as peer:
                for size in noise.sample(sizes, len(sizes)):
                    data = noise.randbytes(size)
                    sender = threading.Thread(target=peer.sendall, args=(data,))
                    sender.start()
                    back = b''
                    while len(back) < size:
                        part = peer.recv(noise.randint(1, 65536))
                        if not part: raise Exception('ended early')
                        back += part
                    sender.join()
                    if back != data: raise Exception('other bytes')
                peer.shutdown(socket.SHUT_WR)
                if peer.recv(1): raise Exception('too many bytes')
        except Exception as error:
            failed.append(f'{number}: {error}')
    threads = [threading.Thread(target=serve, args=(number,)) for number in range(5)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    if failed: sys.exit('; '.join(failed))
    print(5 * sum(sizes))
    """

  /// Talks to a server, and returns how many bytes went each way.
  static func talk(to host: String, _ port: UInt16) async throws -> Int {
    let python = try #require(EchoProcess.find("python3"))
    let seed = UInt16.random(in: 0...9999)
    let outcome = try await EchoProcess.run(python, ["-c", client, host, "\(port)", "\(seed)"])
    #expect(outcome.status == 0, "seed \(seed): \(outcome.output)")
    return try #require(Int(outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)), "\(outcome.output)")
  }

  /// The figures of the summary line, by name.
  static func summary(_ output: String) throws -> [String: Int] {
    let line = try #require(output.split(separator: "\n").last { $0.hasPrefix("summary: ") }, "\(output)")
    return line.dropFirst("summary: ".count).split(separator: ", ").reduce(into: [:]) { figures, part in
      guard let space = part.lastIndex(of: " "), let value = Int(part[part.index(after: space)...]) else { return }
      figures[String(part[..<space])] = value
    }
  }
}
