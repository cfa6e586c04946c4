internal import NIOCore

extension RingChannel {
  final func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
    guard loop.inEventLoop else { return loop.submit { try self.setOption0(option, value: value) } }
    return loop.makeCompletedFuture { try setOption0(option, value: value) }
  }

  final func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
    guard loop.inEventLoop else { return loop.submit { try self.getOption0(option) } }
    return loop.makeCompletedFuture { try getOption0(option) }
  }

  final var syncOptions: (any NIOSynchronousChannelOptions)? { SynchronousOptions(channel: self) }

  private struct SynchronousOptions: NIOSynchronousChannelOptions {
    let channel: RingChannel

    func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) throws {
      try channel.setOption0(option, value: value)
    }

    func getOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
      try channel.getOption0(option)
    }
  }

  /// Loop only, as the rest.
  private func setOption0<Option: ChannelOption>(_ option: Option, value: Option.Value) throws {
    loop.preconditionInEventLoop()
    guard life.isOpen else { throw ChannelError.ioOnClosedChannel }
    switch option {
    case let option as ChannelOptions.Types.SocketOption:
      try setSocketOption0(level: option.optionLevel, name: option.optionName, value: value)
    case is ChannelOptions.Types.AllocatorOption: setAllocator(try given(value))
    case is ChannelOptions.Types.RecvAllocatorOption: receiveAllocator = try given(value)
    case is ChannelOptions.Types.AutoReadOption: setAutoRead(try given(value))
    case is ChannelOptions.Types.MaxMessagesPerReadOption: common.reading.largestBatch = max(1, try given(value))
    default:
      // As SwiftNIO's channels: a mistake in the program.
      guard try setOwnOption(option, value) else { fatalError("\(type(of: self)) has no option \(option)") }
    }
  }

  private func getOption0<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
    loop.preconditionInEventLoop()
    guard life.isOpen else { throw ChannelError.ioOnClosedChannel }
    switch option {
    case let option as ChannelOptions.Types.SocketOption:
      return try getSocketOption0(level: option.optionLevel, name: option.optionName)
    case is ChannelOptions.Types.AllocatorOption: return try given(allocator)
    case is ChannelOptions.Types.RecvAllocatorOption: return try given(receiveAllocator)
    case is ChannelOptions.Types.AutoReadOption: return try given(common.reading.isAutomatic)
    case is ChannelOptions.Types.MaxMessagesPerReadOption: return try given(common.reading.largestBatch)
    default:
      guard let value = try ownOption(option) else { fatalError("\(type(of: self)) has no option \(option)") }
      return value
    }
  }

  /// The value of an option as the type that the option has.
  func given<Value, Wanted>(_ value: Value) throws -> Wanted {
    guard let value = value as? Wanted else { throw ChannelError.operationUnsupported }
    return value
  }

  private func setAutoRead(_ isAutomatic: Bool) {
    let old = common.reading.isAutomatic
    common.reading.isAutomatic = isAutomatic
    guard life.isRegistered, old != isAutomatic else { return }
    if isAutomatic {
      read0()
    } else {
      // What was asked for is taken back: the next batch begins when somebody asks again.
      common.reading.isWanted = false
      readUnwanted()
    }
  }
}
