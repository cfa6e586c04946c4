extension DatagramSocket {
  /// Has the socket receive what is sent to a group: MCAST_JOIN_GROUP of ip(7).
  ///
  /// It receives what goes to the port that it is bound to, whichever host or group of its own it was sent to: bind it to the
  /// group's address, or ask for ``DatagramOptions/reportsLocalAddress``, to tell them apart. Several sockets of one host
  /// need ``DatagramOptions/reuseAddress``.
  ///
  /// - Parameters:
  ///   - group: the address of a group, 224.0.0.0/4 or ff00::/8. Its port does not count.
  ///   - interface: the number of the interface (if_nametoindex(3)); 0: the routes decide.
  /// - Throws: `SocketError` with the kernel's reason, such as EADDRINUSE where it is a member already, or `.closed`.
  public func join(_ group: SocketAddress, interface: UInt32 = 0) async throws(SocketError) {
    try await changeMembership(of: group, interface, joins: true)
  }

  /// Ends what `join` has begun: MCAST_LEAVE_GROUP of ip(7).
  ///
  /// - Throws: `SocketError` with the kernel's reason, such as EADDRNOTAVAIL where it is no member, or `.closed`.
  public func leave(_ group: SocketAddress, interface: UInt32 = 0) async throws(SocketError) {
    try await changeMembership(of: group, interface, joins: false)
  }

  private func changeMembership(
    of group: SocketAddress,
    _ interface: UInt32,
    joins: Bool
  ) async throws(SocketError) {
    let result: Result<Void, SocketError> = await onLoop { [self] in
      guard let place, !sink.isOver else { return .failure(SocketError(.closed, .option, peer: group)) }
      let descriptor = place.record.descriptor
      do throws(SocketError) {
        try Socket.changeMembership(descriptor, of: group, interface: interface, joins: joins)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }
}
