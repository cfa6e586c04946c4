import SystemPackage

/// An operation that was cancelled, and whose end has not come.
struct DyingOperation {
  var userData: UInt64
  /// Tells it from a later one with the same user data.
  var armed: UInt64
}

/// Operations that go on after their cancel was answered, as io_uring's do that are being run when the cancel comes: what
/// they bring until their end is the program's. Only simulated kernels choose so, and nothing is left of this elsewhere.
extension UserSpaceRing {
  /// Whether a cancelled operation goes on for a while.
  @inline(__always)
  mutating func goesOn(_ place: Int32) -> Bool {
    guard System.checksRules else { return false }
    let operation = unsafe operations.pointer(place)
    let (userData, armed) = unsafe (operation.pointee.userData, operation.pointee.armed)
    if dying.contains(where: { $0.armed == armed }) { return true }
    switch unsafe operation.pointee.kind {
    case .receive, .receiveInto, .receiveMessages, .receiveMessage, .accept:
      guard unsafe !operation.pointee.isCancelled, system.chooses(.goesOnAfterCancel) else { return false }
      dying.append(DyingOperation(userData: userData, armed: armed))
      return true
    default: return false
    }
  }

  /// Ends them, unless they go on even longer. One that has brought its last completion by itself is not there any more.
  @inline(__always)
  mutating func endDying() {
    guard System.checksRules, !dying.isEmpty else { return }
    var left: [DyingOperation] = []
    for operation in dying {
      guard let place = operations.find(operation.userData),
        unsafe operations.pointer(place).pointee.armed == operation.armed,
        unsafe !operations.pointer(place).pointee.isCancelled
      else { continue }
      if system.chooses(.goesOnAfterCancel) {
        left.append(operation)
      } else {
        unlink(place)
        end(place, -Errno.canceled.rawValue)
      }
    }
    dying = left
  }

  /// Whether something comes that no system reports.
  @inline(__always)
  var owesSomething: Bool {
    guard System.checksRules else { return false }
    return !dying.isEmpty || notifications.contains { !$0.waitsForClose }
  }
}
