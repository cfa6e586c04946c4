public import URingBackend

extension TestNetwork {
  /// What is left when a network has ended. See ``TestNetwork/end()``.
  public struct Report: Sendable, CustomStringConvertible {
    /// Connections of the program that had not ended when the drain time was over, and were aborted.
    public internal(set) var connectionsOpen = 0
    /// Bodies that never returned: what they wait for is nothing of the network.
    public internal(set) var bodiesRunning = 0
    /// Views that somebody keeps.
    public internal(set) var viewsOut = 0
    /// Buffers that somebody keeps.
    public internal(set) var buffersOut = 0
    /// Slots that did not come home, because of these or for another reason.
    public internal(set) var slotsLeaked = 0
    /// Sockets that are open. If there are any, that is a mistake of this package.
    public internal(set) var descriptorsOpen = 0
    /// What code of the servers threw, oldest first.
    public internal(set) var errors: [any Error] = []
    /// Who keeps views and buffers, in words, where `EventLoop.Configuration.diagnostics` has it recorded.
    public internal(set) var holders: [String] = []
    /// What no program should do to a kernel, in words. If there is anything, that is a mistake of this package.
    public internal(set) var violations: [String] = []
    /// What the loop counted.
    public internal(set) var statistics = LoopStatistics()

    /// Whether nothing is left, and nothing was thrown.
    public var isClean: Bool { complaints.isEmpty }

    /// What is left, or that nothing is.
    public var description: String { complaints.isEmpty ? "nothing is left" : complaints.joined(separator: ", ") }

    private var complaints: [String] {
      var list: [String] = []
      func add(_ count: Int, _ what: String) { if count > 0 { list.append("\(count) \(what)") } }
      add(connectionsOpen, "connections had to be aborted")
      add(bodiesRunning, "bodies have not returned")
      add(viewsOut, "views are out")
      add(buffersOut, "buffers are out")
      add(slotsLeaked, "slots did not come home")
      add(descriptorsOpen, "descriptors are open")
      list += holders
      list += errors.map { "code of the server threw \($0)" }
      return list + violations
    }
  }
}
