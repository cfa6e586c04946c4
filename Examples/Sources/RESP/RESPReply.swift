public import Sluice

/// Why a command was not carried out, as its client is told: a word in capitals, and a sentence.
public struct RESPError: Error, Sendable {
  /// What the client is told.
  public let text: String

  /// An error of which the client is told this; one line.
  public init(_ text: String) {
    self.text = text
  }

  /// What should be a number is none.
  public static let noInteger = RESPError("ERR value is not an integer or out of range")
  /// The arguments have no meaning together.
  public static let syntax = RESPError("ERR syntax error")
  /// The time that a key shall stay is none.
  public static let invalidTime = RESPError("ERR invalid expire time")
  /// There is no such command, or it has other arguments.
  public static let unknownCommand = RESPError("ERR unknown command, or wrong number of arguments")
  /// There is no memory for what the command has.
  public static let outOfMemory = RESPError("OOM command not allowed when used memory > 'maxmemory'")
}

/// What a command is answered with.
public enum RESPReply: Sendable {
  /// A line that is part of the program.
  case simple(StaticString)
  /// The command was not carried out.
  case error(RESPError)
  /// A number.
  case integer(Int)
  /// A string; nil if there is none.
  case value(RESPString?)
  /// An array of strings.
  case values([RESPString?])

  /// The most that has to be appended for it.
  public var byteCount: Int {
    switch self {
    case .error(let error): error.text.utf8.count + 3
    case .value(.large), .simple, .integer: 64
    case .value(let value): (value?.count ?? 0) + 32
    case .values(let values): values.reduce(32) { $0 + RESPReply.value($1).byteCount }
    }
  }
}

/// Writes replies as RESP2 has them.
public struct RESPEncoder: FrameEncoder, Sendable {
  /// Creates an encoder, which has no state.
  public init() {}

  /// Appends a reply; large strings are passed through.
  ///
  /// - Throws: as `OutputBytes`. Who has reserved the reply's `byteCount` has not half of it appended.
  public mutating func encode(_ reply: consuming RESPReply, into output: inout OutputBytes) throws(BufferError) {
    switch reply {
    case .simple(let text):
      try output.append("+")
      try output.append(text)
    case .error(let error):
      try output.append("-")
      try output.append(error.text)
    case .integer(let number):
      try output.append(":")
      try output.append(decimal: number)
    case .value(nil): try output.append("$-1")
    case .value(let value?):
      try output.append("$")
      try output.append(decimal: value.count)
      try output.append("\r\n")
      if case .large(let view) = value {
        output.append(try view.view())
      } else {
        try value.withBytes { bytes throws(BufferError) in try output.append(bytes) }
      }
    case .values(let values):
      try output.append("*")
      try output.append(decimal: values.count)
      try output.append("\r\n")
      for value in values { try encode(.value(value), into: &output) }
      return
    }
    try output.append("\r\n")
  }
}
