import URingBackend

extension LoadPlan {
  /// Divides the command line among its loops.
  static func shares(of options: Options) throws(SocketError) -> [LoadPlan] {
    let addresses = try addresses(of: options)
    let loops = UInt64(options.loops)
    var plans: [LoadPlan] = []
    var first = 0
    for index in 0..<loops {
      let count = Int(share(of: UInt64(options.connections), index: index, among: loops))
      plans.append(
        LoadPlan(
          mode: options.mode,
          pace: pace(of: options),
          addresses: addresses,
          connections: count,
          firstConnection: first,
          size: options.messageSize,
          depth: options.messageDepth,
          verify: options.verify,
          patience: options.patience
        )
      )
      first += count
    }
    return plans
  }

  /// The part of `total` that falls to one of `count`; the first ones take what does not divide.
  static func share(of total: UInt64, index: UInt64, among count: UInt64) -> UInt64 {
    total / count + (index < total % count ? 1 : 0)
  }

  private static func addresses(of options: Options) throws(SocketError) -> [SocketAddress] {
    let first = try SocketAddress(host: options.host, port: options.port)
    let parts = first.host.split(separator: ".").compactMap { UInt32($0) }
    guard options.addresses > 1, parts.count == 4 else { return [first] }
    let number = parts.reduce(0) { $0 << 8 | $1 }
    return (0..<UInt32(options.addresses)).map { SocketAddress(ipv4: number &+ $0, port: options.port) }
  }

  private static func pace(of options: Options) -> Pace {
    if options.mode == .idle { return .probe }
    guard let rate = options.rate else { return .closedLoop }
    return .openLoop(rate: rate / Double(options.loops))
  }
}

extension Quota.Limit {
  /// One loop's part of a phase. Time is not divided.
  func share(index: Int, among count: Int) -> Quota.Limit {
    switch self {
    case .messages(let total):
      .messages(LoadPlan.share(of: total, index: UInt64(index), among: UInt64(count)))
    case .time: self
    }
  }
}
