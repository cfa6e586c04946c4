import RESP
import Sluice
import Testing

@testable import KeyValue

struct StoreTests {
  /// Runs a line of words, and returns what its client would see.
  private func run(_ store: Store, _ line: String) throws -> String {
    var output = OutputBytes(arena: try BufferArena())
    var encoder = RESPEncoder()
    let reply = store.answer(line.split(separator: " ").map { RESPString($0.utf8) })
    try encoder.encode(reply, into: &output)
    return output.finish().text() ?? ""
  }

  @Test func aKeyGoesWhenItsTimeIsOver() throws {
    var now = Duration.zero
    let store = Store(limit: 1 << 20) { now }
    #expect(try run(store, "SET k v EX 10") == "+OK\r\n")
    now += .seconds(9.5)
    #expect(try run(store, "TTL k") == ":1\r\n")
    // Appending leaves the time as it is, and setting does not.
    #expect(try run(store, "APPEND k w") == ":2\r\n")
    #expect(try run(store, "MSET l v m v") == "+OK\r\n")
    #expect(try run(store, "EXPIRE l 10") == ":1\r\n")
    #expect(try run(store, "SET l v") == "+OK\r\n")
    now += .seconds(0.5)
    #expect(try run(store, "MGET k l") == "*2\r\n$-1\r\n$1\r\nv\r\n")
    #expect(try run(store, "DBSIZE") == ":2\r\n")
    #expect(try run(store, "TTL l") == ":-1\r\n")
  }

  @Test func expiredKeysMakeRoom() throws {
    var now = Duration.zero
    let store = Store(limit: 250) { now }
    let value = String(repeating: "x", count: 100)
    #expect(try run(store, "SET a \(value) PX 5") == "+OK\r\n")
    #expect(try run(store, "SET b \(value)").hasPrefix("-OOM"))
    // The old value counts no more when there is a new one.
    #expect(try run(store, "SET a \(value)\(value.prefix(50)) PX 5") == "+OK\r\n")
    now += .milliseconds(5)
    #expect(try run(store, "SET b \(value)") == "+OK\r\n")
    #expect(try run(store, "DEL a b") == ":1\r\n")
    #expect(try run(store, "SET c \(value)\(value.prefix(80))") == "+OK\r\n")
  }

  @Test func numbersDoNotOverflow() throws {
    let store = Store(limit: 1 << 20)
    #expect(try run(store, "SET n 9223372036854775807") == "+OK\r\n")
    #expect(try run(store, "INCR n").hasPrefix("-ERR"))
    #expect(try run(store, "DECRBY n -9223372036854775808").hasPrefix("-ERR"))
    #expect(try run(store, "SET n 1 EX 9223372036854775807").hasPrefix("-ERR"))
    #expect(try run(store, "EXPIRE n 9223372036854775807").hasPrefix("-ERR"))
    #expect(try run(store, "GET n") == "$19\r\n9223372036854775807\r\n")
  }
}
