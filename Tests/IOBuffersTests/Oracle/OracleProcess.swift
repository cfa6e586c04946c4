import Foundation
import Glibc

/// One Python process for all sequences: lines in, lines out.
final class OracleProcess {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Batches stay below the 64 KiB that a pipe holds, so that a write never waits for the other side.
  static let batchBytes = 32 << 10

  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let errors = Pipe()

  init(script: URL) throws {
    // A dead child must be a failed test, not a dead test process.
    signal(SIGPIPE, SIG_IGN)
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-I", script.path]
    process.standardInput = input
    process.standardOutput = output
    process.standardError = errors
    try process.run()
  }

  /// Sends lines and reads as many outcomes.
  func exchange(_ lines: [String]) throws -> [String] {
    // The empty line makes the oracle flush.
    try input.fileHandleForWriting.write(contentsOf: Data((lines.joined(separator: "\n") + "\n\n").utf8))
    var outcomes: [String] = []
    outcomes.reserveCapacity(lines.count)
    var line: [UInt8] = []
    while outcomes.count < lines.count {
      let data = output.fileHandleForReading.availableData
      if data.isEmpty {
        let reason = String(decoding: errors.fileHandleForReading.availableData, as: UTF8.self)
        throw Failure(description: "python3 ended after \(outcomes.count) of \(lines.count) lines: \(reason)")
      }
      for byte in data {
        if byte == UInt8(ascii: "\n") {
          outcomes.append(String(decoding: line, as: UTF8.self))
          line.removeAll(keepingCapacity: true)
        } else {
          line.append(byte)
        }
      }
    }
    return outcomes
  }

  /// Ends the process and waits for it.
  func close() {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}
