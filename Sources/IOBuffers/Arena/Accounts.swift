/// Who is charged for slots that are out: the book-keeping of ``BufferArena/openAccount()``. A plain value.
///
/// A slot of an account stays charged until it is home, wherever its views have gone meanwhile. So what an account is
/// charged is what it keeps from others, and not what it says of itself.
package struct Accounts: Sendable {
  private struct Account: Sendable {
    /// The capacity of all slots that are charged.
    var charged = 0
    var isOpen = false
  }

  /// An account's name is its place in here, plus one: zero is nobody's, so that a slot can say that it is not charged.
  private var accounts: [Account] = []
  private var vacant: [UInt32] = []
  /// What all accounts are charged.
  package private(set) var total = 0
  /// How many accounts are charged anything.
  package private(set) var holders = 0

  package init() {}

  /// Opens an account, which is charged nothing yet.
  package mutating func open() -> UInt32 {
    if let name = vacant.popLast() {
      accounts[Int(name) - 1].isOpen = true
      return name
    }
    accounts.append(Account(isOpen: true))
    return UInt32(truncatingIfNeeded: accounts.count)
  }

  /// Closes an account. Its name is free for another one when the last slot that is charged to it is home. What is not
  /// open is not closed.
  package mutating func close(_ name: UInt32) {
    guard isOpen(name) else { return }
    accounts[Int(name) - 1].isOpen = false
    retire(name)
  }

  /// Whether the account can be charged.
  package func isOpen(_ name: UInt32) -> Bool {
    isKnown(name) && accounts[Int(name) - 1].isOpen
  }

  /// What an account is charged; nothing for a name that nobody has.
  package func charged(to name: UInt32) -> Int {
    isKnown(name) ? accounts[Int(name) - 1].charged : 0
  }

  /// A slot of `bytes` goes out for an account, which is open.
  package mutating func charge(_ name: UInt32, _ bytes: Int) {
    if accounts[Int(name) - 1].charged == 0 { holders += 1 }
    accounts[Int(name) - 1].charged += bytes
    total += bytes
  }

  /// A slot of `bytes` that was charged to the account is home.
  package mutating func discharge(_ name: UInt32, _ bytes: Int) {
    accounts[Int(name) - 1].charged -= bytes
    total -= bytes
    guard accounts[Int(name) - 1].charged == 0 else { return }
    holders -= 1
    retire(name)
  }

  private func isKnown(_ name: UInt32) -> Bool {
    name > 0 && Int(name) <= accounts.count
  }

  /// Frees the name of an account that is closed and charged nothing.
  private mutating func retire(_ name: UInt32) {
    let account = accounts[Int(name) - 1]
    if !account.isOpen, account.charged == 0 { vacant.append(name) }
  }
}
