import NIOCore

// In place of SwiftNIO's functions of these names, which also try pipes and datagrams.

func forEachCrossConnectedStreamChannelPair<R>(
  forceSeparateEventLoops: Bool = false,
  file: StaticString = #filePath,
  line: UInt = #line,
  _ body: (any Channel, any Channel) throws -> R
) throws -> [R] {
  [
    try withCrossConnectedTCPChannels(forceSeparateEventLoops: forceSeparateEventLoops, body),
    try withCrossConnectedUnixDomainSocketChannels(forceSeparateEventLoops: forceSeparateEventLoops, body),
  ]
}

func forEachActiveChannelType<T>(
  file: StaticString = #filePath,
  line: UInt = #line,
  _ body: @escaping (any Channel) throws -> T
) throws -> [T] {
  var results: [T] = []
  _ = try forEachCrossConnectedStreamChannelPair { accepted, _ in
    results.append(try body(accepted))
    if let parent = accepted.parent { results.append(try body(parent)) }
  }
  return results
}
