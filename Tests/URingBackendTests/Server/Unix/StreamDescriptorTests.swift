import CLiburing
import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Descriptors over Unix streams: those that are passed arrive with their bytes, and none is left open.
@Suite(.timeLimit(.minutes(3)))
struct StreamDescriptorTests {
  /// A server at a name of its own, whose peers may pass so many descriptors.
  private func serve(
    atMost limit: Int = 1000,
    _ serve: @escaping RunningServer.Serve
  ) async throws -> (running: RunningServer, name: String) {
    let name = UnixServerTests.abstractName()
    var configuration = TCPServer.Configuration()
    configuration.options.receivedDescriptors = limit
    return (try await RunningServer.start(configuration, at: try .unix(abstract: name), serve), "@" + name)
  }

  /// Serves one connection with a body, and reports what it threw.
  private func serveOne(
    atMost limit: Int = 1000,
    _ body: @escaping @Sendable (TCPConnection) async throws -> Void
  ) async throws -> (running: RunningServer, name: String, outcome: Locked<String?>) {
    let outcome = Locked<String?>(nil)
    let (running, name) = try await serve(atMost: limit) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        do {
          try await body(connection)
          outcome.change { $0 = "returned" }
        } catch {
          outcome.change { $0 = "\((error as? SocketError).map { "\($0.kind)" } ?? "\(error)")" }
        }
      }
    }
    return (running, name, outcome)
  }

  /// Takes all descriptors that come, writes its number to each, and sends back what it received with them.
  private struct Echo: ConnectionHandler {
    mutating func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) throws {
      connection.send(view, passing: connection.takeDescriptors())
    }
  }

  // MARK: Beside what we did not write

  /// Each file descriptor goes to the server and comes back, and is still the same file.
  private static let pythonClient = """
    import os, socket, sys
    s = socket.socket(socket.AF_UNIX)
    s.connect("\\0" + sys.argv[1])
    files = []
    for number in range(40):
        r, w = os.pipe()
        files.append((os.fstat(w).st_ino, r))
        socket.send_fds(s, [b"message %02d;" % number], [w] * (1 + number % 3))
        os.close(w)
    s.shutdown(socket.SHUT_WR)
    data, inodes = b"", []
    while True:
        part, fds, flags, _ = socket.recv_fds(s, 4096, 253)
        if not part: break
        assert flags & socket.MSG_CTRUNC == 0
        data += part
        for fd in fds:
            inodes.append(os.fstat(fd).st_ino)
            os.write(fd, b"x")
            os.close(fd)
    assert data == b"".join(b"message %02d;" % n for n in range(40)), data
    assert inodes == [files[n][0] for n in range(40) for _ in range(1 + n % 3)], inodes
    # Everybody has closed what was passed: what was written comes out, and then the end.
    for number, (_, r) in enumerate(files):
        assert os.read(r, 100) == b"x" * (1 + number % 3)
        assert os.read(r, 100) == b""
    print("fine")
    """

  @Test(arguments: ServerMode.allCases)
  func descriptorsGoToAServerAndComeBack(mode: ServerMode) async throws {
    let (running, name) = try await serve { server, whenListening in
      switch mode {
      case .tasks:
        try await server.run(whenListening: whenListening) { connection in
          while let view = try await connection.receive() {
            try await connection.send(view, passing: await connection.takeDescriptors())
          }
        }
      case .handlers:
        try await server.run(whenListening: whenListening) { Echo() }
      }
    }
    #expect(try await blocking { try Python.run(Self.pythonClient, [String(name.dropFirst())]) } == "fine\n")
    try await running.settles()
    try await running.stop()
  }

  /// A server in Python that gives a file for each line, with which its contents can be read.
  private static let pythonServer = """
    import os, socket, sys, tempfile
    s = socket.socket(socket.AF_UNIX)
    s.bind("\\0" + sys.argv[1])
    s.listen()
    c, _ = s.accept()
    for line in c.makefile("rb"):
        with tempfile.TemporaryFile() as f:
            f.write(b"the file of " + line)
            f.flush()
            socket.send_fds(c, [b"ok\\n"], [f.fileno()])
    print("fine")
    """

  @Test func aClientIsGivenFilesByAServer() async throws {
    let name = UnixServerTests.abstractName()
    async let output = blocking { try Python.run(Self.pythonServer, [name]) }
    let loop = try EventLoop.start()
    var options = SocketOptions()
    options.receivedDescriptors = 1
    var made: TCPConnection?
    while made == nil {
      // Until it listens.
      made = try? await TCPConnection.connect(to: try .unix(abstract: name), on: loop, options: options)
      if made == nil { try await Task.sleep(for: .milliseconds(5)) }
    }
    let connection = try #require(made)
    var reader = connection.reader()
    for line in ["a", "b", "c"] {
      try await connection.send("\(line)\n")
      #expect(text(try await reader.readLine()) == "ok")
      var descriptors = await connection.takeDescriptors()
      let file = descriptors.popFirst()
      #expect(descriptors.count == 0)
      guard let file else { throw Errno.badFileDescriptor }
      let isCloseOnExec = file.isCloseOnExec
      #expect(isCloseOnExec)
      var bytes = [UInt8](repeating: 0, count: 100)
      let count = unsafe pread(file.borrowed.rawValue, &bytes, bytes.count, 0)
      #expect(String(decoding: bytes[..<max(0, count)], as: UTF8.self) == "the file of \(line)\n")
    }
    await connection.close()
    #expect(try await output == "fine\n")
    await loop.shutdown()
  }

  // MARK: Order

  /// Messages of random sizes, each with as many descriptors as it says, through a server that reads them with a reader and passes them
  /// on. The receiver checks that each message's descriptors are its own.
  @Test func descriptorsStayWithTheirMessagesHoweverTheStreamIsCut() async throws {
    let (running, name, outcome) = try await serveOne { connection in
      var reader = connection.reader()
      while try await reader.waitForMessage() {
        var header = try await reader.read(exactly: 5)
        guard let count = header.takeInteger(as: UInt32.self), let passed = header.takeByte() else { return }
        var value = try await connection.allocate(minimumCapacity: Int(count) + 5)
        try value.append(count, as: .big)
        try value.append(passed)
        // Half of them into memory of their own.
        if passed % 2 == 0 {
          try await reader.read(Int(count), into: &value)
        } else {
          let bytes = try await reader.read(exactly: Int(count))
          try bytes.forEachSpan { try value.append($0) }
        }
        let descriptors = await connection.takeDescriptors(Int(passed))
        #expect(descriptors.count == Int(passed))
        try await connection.send(try value.finish(), passing: descriptors)
      }
    }
    let client = try BlockingClient(unix: name, bufferBytes: 16_384)
    let pipes = try (0..<5).map { _ in try TestPipe() }
    var random = Noise(seed: 11)
    let messages = (0..<200).map { _ in
      (
        count: Int.random(in: 0..<10) == 0
          ? Int.random(in: 1...100_000, using: &random) : Int.random(in: 1...300, using: &random),
        passed: Int.random(in: 0...4, using: &random)
      )
    }
    let pattern = Pattern(seed: 9)
    async let sent: Void = blocking {
      for (count, passed) in messages {
        let header = (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) } + [UInt8(passed)]
        // One of each of so many pipes.
        let descriptors = try pipes.prefix(passed).flatMap { try $0.descriptors(1) }
        let bytes = header + pattern.bytes(count: count)
        if descriptors.isEmpty { try client.send(bytes) } else { try client.send(bytes, passing: descriptors) }
      }
      try client.closeOutput()
    }
    let received = try await blocking {
      var bytes: [UInt8] = []
      var descriptors: [Int32] = []
      var found: [[Int32]] = []
      while true {
        while bytes.count >= 5 {
          let count = bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
          guard bytes.count >= 5 + count else { break }
          #expect(Array(bytes[5..<5 + count]) == pattern.bytes(count: count))
          let passed = Int(bytes[4])
          #expect(descriptors.count >= passed)
          found.append(Array(descriptors.prefix(passed)))
          descriptors.removeFirst(min(passed, descriptors.count))
          bytes.removeFirst(5 + count)
        }
        var entry = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&entry, 1, 50_000) > 0 else { throw Errno.timedOut }
        let part = unsafe withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { memory in
          let got = unsafe Socket.receive(client.descriptor, into: memory)
          if got.count > 0 { unsafe bytes += memory.prefix(got.count) }
          return got
        }
        #expect(part.count >= 0 && !part.isCut)
        descriptors += part.descriptors
        if part.count <= 0 { break }
      }
      #expect(bytes.isEmpty && descriptors.isEmpty)
      return found
    }
    try await sent
    #expect(received.map(\.count) == messages.map(\.passed))
    // Each is one of the pipe that it was made of, and there is no other.
    for descriptors in received {
      for (place, descriptor) in descriptors.enumerated() {
        let owned = OwnedDescriptor(FileDescriptor(rawValue: descriptor))
        try owned.write(UInt8(place))
      }
    }
    for (place, pipe) in pipes.enumerated() {
      let wanted = messages.count { $0.passed > place }
      #expect(try pipe.readToEnd() == [UInt8](repeating: UInt8(place), count: wanted))
    }
    try await eventually { outcome.value != nil }
    #expect(outcome.value == "returned")
    client.close()
    try await running.settles()
    try await running.stop()
  }

  @Test func asManyAsTheKernelPassesAtOnceAreTaken() async throws {
    let (running, name, outcome) = try await serveOne { connection in
      guard let view = try await connection.receive() else { return }
      #expect(view.copied() == [1, 2, 3])
      // In parts.
      let first = await connection.takeDescriptors(100)
      let second = await connection.takeDescriptors()
      let third = await connection.takeDescriptors()
      #expect((first.count, second.count, third.count) == (100, 153, 0))
      try await connection.send(try connection.arena.message([4]), passing: second)
    }
    let client = try BlockingClient(unix: name)
    let pipe = try TestPipe()
    try client.send([1, 2, 3], passing: try pipe.descriptors(DescriptorList.maximumCount))
    #expect(try await blocking { try client.receiveToEnd() } == [4])
    #expect(try await blocking { try pipe.readToEnd() } == [])
    try await eventually { outcome.value == "returned" }
    client.close()
    try await running.stop()
  }

  // MARK: What is left over

  @Test(arguments: [1, 253])
  func whatNobodyTakesIsClosedWithTheConnection(count: Int) async throws {
    let (running, name, outcome) = try await serveOne { connection in
      while try await connection.receive() != nil {}
    }
    let client = try BlockingClient(unix: name)
    let pipe = try TestPipe()
    for _ in 0..<3 { try client.send([1], passing: try pipe.descriptors(count)) }
    client.close()
    #expect(try await blocking { try pipe.readToEnd() } == [])
    try await eventually { outcome.value == "returned" }
    try await running.stop()
  }

  @Test func whoDoesNotAskForThemReceivesNone() async throws {
    let (running, name, outcome) = try await serveOne(atMost: 0) { connection in
      guard let view = try await connection.receive() else { return }
      #expect(view.count == 1)
      let descriptors = await connection.takeDescriptors()
      #expect(descriptors.count == 0)
    }
    let client = try BlockingClient(unix: name)
    let pipe = try TestPipe()
    try client.send([1], passing: try pipe.descriptors(3))
    #expect(try await blocking { try pipe.readToEnd() } == [])
    #expect(try await blocking { try client.receiveToEnd() } == [])
    try await eventually { outcome.value == "returned" }
    client.close()
    try await running.stop()
  }

  @Test func whoPassesTooManyBreaksTheConnection() async throws {
    let (running, name, outcome) = try await serveOne(atMost: 4) { connection in
      #expect(try await connection.receive(exactly: 1) == [1])
      while try await connection.receive() != nil {}
    }
    let client = try BlockingClient(unix: name)
    let pipe = try TestPipe()
    try client.send([1], passing: try pipe.descriptors(3))
    try client.send([2], passing: try pipe.descriptors(2))
    try await eventually { outcome.value != nil }
    #expect(outcome.value == "\(SocketError.Kind.system(.tooManyReferences))")
    #expect(try await blocking { try pipe.readToEnd() } == [])
    client.close()
    try await running.stop()
  }

  /// What was sent before the peer went can still be taken.
  @Test func aPeerThatIsGoneLeavesWhatItSent() async throws {
    let gate = Gate()
    let (running, name, outcome) = try await serveOne { connection in
      await gate.wait()
      #expect(try await connection.receive(exactly: 2) == [1, 2])
      var descriptors = await connection.takeDescriptors()
      #expect(descriptors.count == 3)
      try descriptors.popFirst()?.write(7)
      #expect(try await connection.receive() == nil)
    }
    let client = try BlockingClient(unix: name)
    let pipe = try TestPipe()
    try client.send([1], passing: try pipe.descriptors(2))
    try client.send([2], passing: try pipe.descriptors(1))
    client.close()
    gate.open()
    #expect(try await blocking { try pipe.readToEnd() } == [7])
    try await eventually { outcome.value != nil }
    #expect(outcome.value == "returned")
    try await running.stop()
  }

  // MARK: Sending

  @Test func whatCannotBePassedIsToldAndClosed() async throws {
    let pipe = try TestPipe()
    let (running, name, outcome) = try await serveOne { connection in
      let peer = connection.peer
      await #expect(throws: SocketError(.system(.invalidArgument), .send, peer: peer)) {
        try await connection.send(try connection.arena.message([1]), passing: try pipe.list(254))
      }
      await #expect(throws: SocketError(.system(.invalidArgument), .send, peer: peer)) {
        try await connection.send(try connection.arena.message([]), passing: try pipe.list(1))
      }
      // None are none.
      try await connection.send(try connection.arena.message([5]), passing: DescriptorList())
      await connection.closeOutput()
      await #expect(throws: SocketError(.closed, .send, peer: peer)) {
        try await connection.send(try connection.arena.message([1]), passing: try pipe.list(1))
      }
      // Until the peer has what was sent.
      #expect(try await connection.receive() == nil)
      await connection.abort()
      await #expect(throws: SocketError(.closed, .send, peer: peer)) {
        try await connection.send(try connection.arena.message([1]), passing: try pipe.list(1))
      }
    }
    let client = try BlockingClient(unix: name)
    #expect(try await blocking { try client.receiveToEnd() } == [5])
    try client.closeOutput()
    try await eventually { outcome.value == "returned" }
    client.close()
    try await running.stop()

    let overTCP = try await RunningServer.echo(.tasks)
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: overTCP.address, on: loop)
    await #expect(throws: SocketError(.system(.notSupportedOnSocket), .send, peer: overTCP.address)) {
      try await connection.send(try connection.arena.message([1]), passing: try pipe.list(1))
    }
    await connection.close()
    await loop.shutdown()
    try await overTCP.stop()
    #expect(try await blocking { try pipe.readToEnd() } == [])
  }

  /// To a peer that reads nothing: bounded, and closed at the end.
  @Test func whatIsNotSentIsClosedWithTheConnection() async throws {
    let pipe = try TestPipe()
    let isFull = Locked(false)
    let gate = Gate()
    let (running, name, outcome) = try await serveOne { connection in
      // Fills the socket and the queue.
      while await connection.trySend(try connection.arena.message(Pattern().bytes(count: 60_000))) {}
      var queued = 0
      await #expect(throws: SocketError(.system(.tooManyReferences), .send, peer: connection.peer)) {
        while queued < 2000 {
          // It waits for room behind each.
          let sending = Task {
            try await connection.send(try connection.arena.message([1]), passing: try pipe.list(10))
          }
          try await eventually { await connection.unsentBytes > 0 }
          sending.cancel()
          do {
            try await sending.value
          } catch let error as SocketError where error.kind == .cancelled {}
          queued += 10
        }
      }
      #expect(queued <= 1024)
      isFull.change { $0 = true }
      await gate.wait()
      await connection.abort()
    }
    let client = try BlockingClient(unix: name)
    try await eventually { isFull.value }
    gate.open()
    #expect(try await blocking { try pipe.readToEnd() } == [])
    try await eventually { outcome.value == "returned" }
    client.close()
    try await running.stop()
  }

  // MARK: A process that has no more

  /// In a process of its own, because the limit is one of the process.
  @Test func aProcessWithoutDescriptorsLosesTheConnectionAndNoDescriptor() async {
    await #expect(processExitsWith: .success) { try await StreamDescriptorTests().shortage() }
  }

  private func shortage() async throws {
    let (running, name, outcome) = try await serveOne { connection in
      while try await connection.receive() != nil {}
    }
    let client = try BlockingClient(unix: name)
    try client.send([1])
    try await eventually { running.server.statistics.connectionsOpen == 1 }
    let pipe = try TestPipe()
    let descriptors = try pipe.descriptors(20)
    // Five are free, and the 20 that are passed are closed when they are on their way.
    let before = try await OpenDescriptors.settledCount()
    try limitDescriptors(to: OpenDescriptors.limit(leaving: 5))
    let sent = unsafe [UInt8(2)].withUnsafeBytes { unsafe Socket.send(client.descriptor, $0, passing: descriptors) }
    #expect(sent == 1)
    try await eventually { outcome.value != nil }
    #expect(outcome.value == "\(SocketError.Kind.system(.tooManyOpenFiles))")
    for descriptor in descriptors { close(descriptor) }
    #expect(try await blocking { try pipe.readToEnd() } == [])
    client.close()
    try await eventually { try await OpenDescriptors.settledCount() < before }
    running.server.shutdown()
    _ = try await running.task.value
  }
}
