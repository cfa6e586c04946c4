import RESP

extension Store {
  /// Carries a command out, of which there is at least the name.
  func answer(_ command: [RESPString]) -> RESPReply {
    do throws(RESPError) { return try execute(command) } catch { return .error(error) }
  }

  private func execute(_ command: [RESPString]) throws(RESPError) -> RESPReply {
    var arguments: ArraySlice<RESPString> { command.dropFirst() }
    switch (command[0].word, command.count - 1) {
    case ("GET", 1): return .value(self[command[1]])
    case ("SET", 2...): return try set(command)
    case ("DEL", 1...): return .integer(arguments.count { remove($0) })
    case ("EXISTS", 1...): return .integer(arguments.count { self[$0] != nil })
    case ("INCR", 1): return try add(1, to: command[1])
    case ("DECR", 1): return try add(-1, to: command[1])
    case ("INCRBY", 2): return try add(command[2].integer, to: command[1])
    case ("DECRBY", 2):
      let (number, overflows) = try command[2].integer.multipliedReportingOverflow(by: -1)
      return overflows ? .error(.noInteger) : try add(number, to: command[1])
    case ("APPEND", 2):
      let bytes = (self[command[1]]?.bytes ?? []) + command[2].bytes
      try set(command[1], to: RESPString(bytes))
      return .integer(bytes.count)
    case ("MGET", 1...): return .values(arguments.map { self[$0] })
    case ("MSET", 2...) where arguments.count % 2 == 0:
      for place in stride(from: 1, to: command.count, by: 2) {
        try set(command[place], to: command[place + 1], for: .some(nil))
      }
    case ("EXPIRE", 2):
      let time = try command[2].time(.seconds(1))
      guard let value = self[command[1]] else { return .integer(0) }
      try set(command[1], to: value, for: time)
      return .integer(1)
    case ("TTL", 1):
      guard self[command[1]] != nil else { return .integer(-2) }
      return .integer(timeLeft(command[1]).map { Int(($0 / .seconds(1)).rounded(.up)) } ?? -1)
    case ("PING", 0): return .simple("PONG")
    case ("PING", 1), ("ECHO", 1): return .value(command[1])
    case ("DBSIZE", 0): return .integer(count)
    case ("FLUSHALL", _): removeAll()
    // What redis-cli and redis-benchmark ask for when they begin.
    case ("COMMAND", _): return .values([])
    case ("CONFIG", 2): return .values([command[2], RESPString([])])
    case ("QUIT", _): break
    default: throw .unknownCommand
    }
    return .simple("OK")
  }

  private func set(_ command: [RESPString]) throws(RESPError) -> RESPReply {
    var time: Duration?
    var mustExist: Bool?
    var options = command[3...]
    while let option = options.popFirst()?.word {
      switch option {
      case "NX" where mustExist == nil: mustExist = false
      case "XX" where mustExist == nil: mustExist = true
      case "EX" where time == nil && !options.isEmpty: time = try options.removeFirst().time(.seconds(1))
      case "PX" where time == nil && !options.isEmpty: time = try options.removeFirst().time(.milliseconds(1))
      default: throw .syntax
      }
    }
    if let mustExist, (self[command[1]] != nil) != mustExist { return .value(nil) }
    try set(command[1], to: command[2], for: .some(time))
    return .simple("OK")
  }

  private func add(_ number: Int, to key: RESPString) throws(RESPError) -> RESPReply {
    let (sum, overflows) = (try self[key]?.integer ?? 0).addingReportingOverflow(number)
    if overflows { throw .noInteger }
    try set(key, to: RESPString("\(sum)".utf8))
    return .integer(sum)
  }
}
