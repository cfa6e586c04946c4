import Glibc
import SystemPackage
import Testing
import URingBackend

@testable import URingTesting

struct SimulatedSystemTests {
  private func system(_ choices: Choices = .quiet) -> SimulatedSystem { SimulatedSystem(choices: choices) }

  private func receive(_ system: SimulatedSystem, _ descriptor: Int32) -> Int {
    var byte: UInt8 = 0
    return unsafe withUnsafeMutableBytes(of: &byte) { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      return unsafe system.receive(descriptor, base, 1)
    }
  }

  @Test func aWaitEndsAtTheNextEventOrWithItsTime() {
    let system = system()
    let listener = system.listen(at: 80)
    #expect(listener == 1000 && system.watch(listener, generation: 5) == 0)
    let start = system.now()
    #expect(system.wait(timeoutNanoseconds: 1_000_000) == 0)
    #expect((1_000_000...1_001_000).contains(system.now() - start))
    _ = system.connectPeer(to: 80)
    // Nothing is due yet, and no time passes but that of the call.
    #expect(system.wait(timeoutNanoseconds: 0) == 0)
    #expect(system.wait(timeoutNanoseconds: 60_000_000_000) == 1 && system.event(at: 0).generation == 5)
    #expect(system.event(at: 0).descriptor == listener && system.event(at: 0).readiness == .input)
    #expect(system.now() - start < 2_000_000)
  }

  @Test func aWaitThatNothingWouldEndIsCounted() {
    let system = system()
    #expect(system.wait(timeoutNanoseconds: nil) == 0 && system.stalledWaits == 1)
    var calls = 0
    system.playPeers = { _ in calls += 1 }
    #expect(system.wait(timeoutNanoseconds: nil) == 0 && system.stalledWaits == 2 && calls == 1)
  }

  @Test func withoutWhoPlaysThemNewsForThePeersInterruptAWait() {
    let system = system()
    let listener = system.listen(at: 80)
    let peer = system.connectPeer(to: 80)
    // The listener is not watched.
    #expect(system.wait(timeoutNanoseconds: nil) == Int(-EINTR) && peer.isConnected)
    #expect(system.wait(timeoutNanoseconds: nil) == 0 && system.stalledWaits == 1)
    system.callPeers(after: 5_000_000)
    #expect(system.wait(timeoutNanoseconds: nil) == Int(-EINTR) && system.now() > 5_000_000)
    #expect(system.accept(listener, flags: 0) >= 0)
  }

  @Test func pollingAlonePassesTime() {
    let system = system()
    let listener = system.listen(at: 80)
    _ = system.watch(listener, generation: 0)
    _ = system.connectPeer(to: 80)
    #expect((0..<100).contains { _ in system.wait(timeoutNanoseconds: 0) == 1 })
  }

  @Test func descriptorsOfTheRealKernelAreLeftAlone() {
    let system = system()
    #expect(system.watch(7, generation: 1) == 0)
    var count: UInt64 = 0
    let result = unsafe withUnsafeMutableBytes(of: &count) { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      return unsafe system.read(7, base, 8)
    }
    #expect(result == -Int(EAGAIN) && system.poll(7, 1) == 0 && system.violations.isEmpty)
  }

  @Test func whatAProgramMayNotDoIsWrittenDown() throws {
    let system = system()
    let descriptor = try system.open(for: .loopback(port: 1), SocketOptions())
    #expect(system.openDescriptors == 1)
    system.close(descriptor) as Void
    #expect(system.violations.isEmpty && system.openDescriptors == 0)
    system.close(descriptor) as Void
    #expect(system.violations == ["close of descriptor 1000, which is not open"])
    #expect(receive(system, 1003) == Int(-EBADF) && system.violations.count == 2)
    #expect(system.close(5) as Int32 == -EBADF && system.violations.count == 3)
  }

  @Test func eachFreedomOfARingHasASite() {
    for freedom in RingFreedom.allCases {
      let system = system(Choices(seed: 1, only: [Site(freedom): 1]))
      for other in RingFreedom.allCases { #expect(system.chooses(other) == (other == freedom)) }
    }
  }

  @Test func aVectorIsSentAsOneAndAsFarAsThereIsRoom() {
    var limits = NetworkLimits()
    limits.sendCapacity = 7
    let system = SimulatedSystem(choices: .quiet, limits: limits)
    let listener = system.listen(at: 80)
    let peer = system.connectPeer(to: 80)
    _ = system.wait(timeoutNanoseconds: 1_000_000)
    _ = system.wait(timeoutNanoseconds: 1_000_000)
    let descriptor = system.accept(listener, flags: 0)
    var first: [UInt8] = [1, 2, 3]
    var second: [UInt8] = [4, 5, 6, 7, 8]
    let sent = unsafe first.withUnsafeMutableBytes { first in
      unsafe second.withUnsafeMutableBytes { second in
        var parts = unsafe [
          iovec(iov_base: first.baseAddress, iov_len: first.count),
          iovec(iov_base: second.baseAddress, iov_len: second.count),
        ]
        return unsafe parts.withUnsafeMutableBufferPointer { parts in
          var message = unsafe msghdr()
          unsafe message.msg_iov = parts.baseAddress
          unsafe message.msg_iovlen = parts.count
          return unsafe system.sendVector(descriptor, message: &message, flags: 0)
        }
      }
    }
    #expect(sent == 7)
    _ = system.wait(timeoutNanoseconds: 1_000_000)
    #expect(peer.read(3) == [1, 2, 3] && peer.read(100) == [4, 5, 6, 7])
  }

  @Test func whoConnectsReachesAPeerThatListens() throws {
    let system = system()
    #expect(system.listenAsPeer(at: 443) == true)
    #expect(system.acceptAsPeer(at: 443) == nil)
    let descriptor = try system.open(for: .loopback(port: 443), SocketOptions())
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(443).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = unsafe withUnsafePointer(to: &address) { address in
      unsafe system.connect(descriptor, address: address, length: UInt32(MemoryLayout<sockaddr_in>.size))
    }
    #expect(result == -EINPROGRESS && system.watch(descriptor, generation: 1) == 0)
    while system.wait(timeoutNanoseconds: 1_000_000) != 1 {}
    #expect(system.connectResult(descriptor) == 0 && system.inputState(of: descriptor) == .nothing)
    #expect(system.peerAddress(of: descriptor) == .loopback(port: 443))
    let peer = try #require(system.acceptAsPeer(at: 443))
    #expect(peer.write([1, 2]) == 2)
    peer.finish()
    while system.inputState(of: descriptor) == .nothing { _ = system.wait(timeoutNanoseconds: 1_000_000) }
    #expect(system.inputState(of: descriptor) == .bytes && system.hasInput(descriptor) == true)
    #expect(receive(system, descriptor) == 1 && receive(system, descriptor) == 1)
    while system.inputState(of: descriptor) == .nothing { _ = system.wait(timeoutNanoseconds: 1_000_000) }
    #expect(system.inputState(of: descriptor) == .ended && receive(system, descriptor) == 0)
    system.resetOnClose(descriptor)
    system.close(descriptor) as Void
    while !peer.wasReset { _ = system.wait(timeoutNanoseconds: 1_000_000) }
    peer.close()
    system.stopListeningAsPeer(at: 443)
    #expect(system.network.openConnections == 0 && system.violations.isEmpty)
  }

  @Test func aPeersResetIsAnErrorThatIsTakenOnce() throws {
    let system = system()
    let listener = system.listen(at: 80)
    let peer = system.connectPeer(to: 80)
    while !peer.isConnected { _ = system.wait(timeoutNanoseconds: 1_000_000) }
    let descriptor = system.accept(listener, flags: 0)
    peer.reset()
    _ = system.wait(timeoutNanoseconds: 1_000_000)
    #expect(system.takeError(of: descriptor) == .connectionReset && system.takeError(of: descriptor) == nil)
    #expect(system.peerAddress(of: descriptor) == nil && system.inputState(of: descriptor) == .ended)
  }

  @Test func aProcessThatStandsStillFindsWhatCameMeanwhile() {
    let system = system(Choices(seed: 1, only: [.clockJumps: 1]))
    let listener = system.listen(at: 80)
    _ = system.watch(listener, generation: 0)
    let peer = system.connectPeer(to: 80)
    system.callPeers(after: 500_000)
    var calls: [UInt64] = []
    system.playPeers = { system in calls.append(system.now()) }
    // Asked for a microsecond: nothing was due by then.
    #expect(system.wait(timeoutNanoseconds: 1000) == Int(-EINTR))
    #expect(system.now() >= 1_000_000 && system.wokeAt == system.now() && system.stoodStill == system.lastStandstill)
    #expect(peer.isConnected && calls.contains { $0 >= 500_000 && $0 < system.now() })
    #expect(system.looksSinceWoken == 0)
    #expect(system.wait(timeoutNanoseconds: 0) == 1 && system.looksSinceWoken == 1)
    // Not again at once.
    let now = system.now()
    #expect(system.wait(timeoutNanoseconds: 1000) == 0 && system.now() - now < 3000)
    // Never beyond the limit.
    system.network.run(until: now + 3_000_000_000)
    system.waitLimit = system.now() + 500_000
    #expect(system.wait(timeoutNanoseconds: nil) == Int(-EINTR) && system.now() == system.waitLimit)
  }
}
