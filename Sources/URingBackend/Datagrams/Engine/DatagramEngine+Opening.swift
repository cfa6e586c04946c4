internal import CLiburing
internal import IOBuffers
internal import SystemPackage

extension DatagramEngine {
  /// Takes over a bound descriptor. What stands before is closed with a throw.
  func open(
    _ socket: BoundDatagramSocket,
    sink: DatagramSink
  ) throws(SocketError) -> Place {
    let options = socket.options
    let place: Place
    do throws(SocketError) {
      guard let free = takeRecord() else { throw SocketError(.system(.noMemory), .socket, peer: socket.local) }
      place = free
      do throws(SocketError) {
        try layOut(place, socket)
      } catch {
        giveBackRecord(place)
        throw error
      }
    } catch {
      socket.discard()
      throw error
    }
    place.record.flags.formUnion(socket.peer == nil ? .isOpen : [.isOpen, .isConnected])
    place.record.descriptor = socket.descriptor
    place.record.family = socket.local.family
    place.record.local = socket.local
    place.record.localPort = socket.local.port
    place.record.peer = socket.peer
    place.record.file = socket.file
    place.record.maximumDescriptors = max(0, options.maximumDescriptors)
    place.record.sendFlags = socket.sendFlags
    place.record.sendLimit = max(1, options.sendQueueDatagrams)
    place.record.sendByteLimit = max(1, options.sendQueueBytes)
    place.record.account = arena.openAccount()
    // Given up by `retire`.
    unsafe place.record.sink = Unmanaged.passRetained(sink)
    noteOpened()
    markDirty(place)
    sink.opened(Int(place.record.index))
    return place
  }

  /// Chooses the slots of a socket, and makes their ring if it is the first that wants them.
  private func layOut(_ place: Place, _ socket: BoundDatagramSocket) throws(SocketError) {
    let layout = socket.options.layout(socket.local.family)
    let bytes = layout.payloadOffset + socket.options.largestPayload(socket.local.family)
    guard let size = DatagramPlan.place(for: bytes) else {
      throw SocketError(.system(.invalidArgument), .option, peer: socket.local)
    }
    if slots[size] == nil {
      do throws(RingError) {
        slots[size] = try DatagramSlots(size, loop: loop)
      } catch {
        throw SocketError(.system(error.errno ?? .noMemory), .allocate, peer: socket.local)
      }
    }
    place.record.slots = size
    place.record.layout = layout
    place.record.describeAreas()
  }
}

/// A datagram socket that the kernel has, and no loop yet.
struct BoundDatagramSocket: Sendable {
  var descriptor: Int32
  /// What holds for it.
  var options: DatagramOptions
  /// Where it is bound.
  var local: SocketAddress
  /// Where it is connected to.
  var peer: SocketAddress?
  var file: UnixSocketFile?

  /// Binds, and connects where `peer` says so. May be called on any thread.
  init(
    _ address: SocketAddress,
    peer: SocketAddress? = nil,
    _ options: DatagramOptions
  ) throws(SocketError) {
    var options = options
    // Whoever is connected has one address.
    options.reportsLocalAddress = options.reportsLocalAddress ?? (address.isAny && peer == nil)
    self.options = options
    descriptor = try Socket.bindDatagrams(to: address, options)
    local = address
    self.peer = peer
    do throws(SocketError) {
      file = try UnixSocketFile(of: descriptor, address)
      if let peer { try Socket.connectDatagrams(descriptor, to: peer) }
    } catch {
      file?.remove()
      Socket.close(descriptor)
      throw error
    }
    local = Socket.localAddress(of: descriptor) ?? address
  }

  /// No loop takes it.
  func discard() {
    file?.remove()
    Socket.close(descriptor)
  }

  /// Flags of its sends: none of them waits in the kernel (`DatagramEngine+Blocked.swift`).
  var sendFlags: Int32 { SLUICE_DONTWAIT | SLUICE_NOSIGNAL }
}
