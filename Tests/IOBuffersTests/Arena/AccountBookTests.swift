import IOBuffers
import Testing

/// The book-keeping alone, without an arena.
@Suite("The book of accounts")
struct AccountBookTests {
  @Test("an account is charged what is out, and nothing when it is home")
  func chargesAndDischarges() {
    var accounts = Accounts()
    let name = accounts.open()
    #expect(accounts.charged(to: name) == 0)
    accounts.charge(name, 100)
    accounts.charge(name, 28)
    #expect(accounts.charged(to: name) == 128)
    #expect(accounts.total == 128)
    accounts.discharge(name, 100)
    #expect(accounts.charged(to: name) == 28)
    accounts.discharge(name, 28)
    #expect(accounts.charged(to: name) == 0)
    #expect(accounts.total == 0)
  }

  @Test("holders are the accounts that are charged anything")
  func holders() {
    var accounts = Accounts()
    let names = (0..<3).map { _ in accounts.open() }
    #expect(Set(names).count == 3)
    #expect(accounts.holders == 0)
    accounts.charge(names[0], 1)
    accounts.charge(names[0], 1)
    accounts.charge(names[2], 5)
    #expect(accounts.holders == 2)
    #expect(accounts.total == 7)
    accounts.discharge(names[0], 1)
    #expect(accounts.holders == 2)
    accounts.discharge(names[0], 1)
    #expect(accounts.holders == 1)
  }

  @Test("names are small, and used again when they are free")
  func names() {
    var accounts = Accounts()
    let first = (0..<4).map { _ in accounts.open() }
    #expect(first == [1, 2, 3, 4])
    accounts.close(2)
    accounts.close(4)
    #expect(Set([accounts.open(), accounts.open()]) == [2, 4])
    #expect(accounts.open() == 5)
  }

  @Test("a closed account keeps its name until nothing is charged to it")
  func closedWhileCharged() {
    var accounts = Accounts()
    let name = accounts.open()
    accounts.charge(name, 64)
    accounts.charge(name, 64)
    accounts.close(name)
    #expect(!accounts.isOpen(name))
    #expect(accounts.charged(to: name) == 128)
    #expect(accounts.open() != name)
    accounts.discharge(name, 64)
    #expect(accounts.open() != name)
    #expect(accounts.holders == 1)
    accounts.discharge(name, 64)
    #expect(accounts.holders == 0)
    #expect(accounts.open() == name)
  }

  @Test("a name that nobody has is charged nothing, and closing it does nothing")
  func unknownNames() {
    var accounts = Accounts()
    for name: UInt32 in [0, 1, 7, .max] {
      #expect(!accounts.isOpen(name))
      #expect(accounts.charged(to: name) == 0)
      accounts.close(name)
    }
    let name = accounts.open()
    accounts.close(name)
    accounts.close(name)
    // Closed twice, free once.
    #expect(accounts.open() == name)
    #expect(accounts.open() != name)
  }
}
