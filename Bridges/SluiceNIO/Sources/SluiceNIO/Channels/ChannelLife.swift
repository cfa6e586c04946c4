/// Where a channel stands, as a value: which requests it takes, and which events its end owes to its handlers.
struct ChannelLife {
  enum State {
    case fresh
    case registered
    /// Active, but its handlers have not heard of it.
    case activating
    case active
    /// Closed for everybody who asks, but its last writes are still on their way to the kernel.
    case closing(wasActive: Bool)
    case closed
  }

  /// What a close has to tell.
  struct Farewell {
    var inactive: Bool
    var unregistered: Bool
  }

  private(set) var state = State.fresh

  /// Whether it takes requests.
  var isOpen: Bool {
    switch state {
    case .fresh, .registered, .activating, .active: true
    case .closing, .closed: false
    }
  }

  var isRegistered: Bool {
    switch state {
    case .registered, .activating, .active: true
    case .fresh, .closing, .closed: false
    }
  }

  var isActive: Bool {
    switch state {
    case .activating, .active: true
    case .fresh, .registered, .closing, .closed: false
    }
  }

  var isClosing: Bool {
    if case .closing = state { true } else { false }
  }

  mutating func register() { if case .fresh = state { state = .registered } }

  mutating func beginActivation() { if case .registered = state { state = .activating } }

  mutating func finishActivation() { if case .activating = state { state = .active } }

  mutating func beginClosing() {
    switch state {
    case .active: state = .closing(wasActive: true)
    case .fresh, .registered, .activating: state = .closing(wasActive: false)
    case .closing, .closed: break
    }
  }

  /// It is over. Handlers hear of an end only where they have heard of the beginning.
  mutating func close() -> Farewell {
    defer { state = .closed }
    return switch state {
    case .fresh, .closed: Farewell(inactive: false, unregistered: false)
    case .registered, .activating: Farewell(inactive: false, unregistered: true)
    case .active: Farewell(inactive: true, unregistered: true)
    case .closing(let wasActive): Farewell(inactive: wasActive, unregistered: true)
    }
  }
}
