/// The listening sockets of one server, all or none of them: for each loop one on each address.
///
/// On the internet each loop has a socket of its own, on one port (SO_REUSEPORT, socket(7)). A Unix socket has one name, and
/// one socket: each loop has a descriptor of it.
struct ListeningSockets {
  /// For each loop its sockets, in the order of `addresses`.
  private(set) var perLoop: [[ListeningSocket]]
  /// Where they are bound.
  private(set) var addresses: [SocketAddress] = []
  private var files: [UnixSocketFile] = []

  init(
    count: Int,
    addresses: [SocketAddress],
    backlog: Int32,
    options: SocketOptions
  ) throws(SocketError) {
    guard !addresses.isEmpty else { throw SocketError(.invalidAddress, .listen) }
    perLoop = Array(repeating: [], count: count)
    do throws(SocketError) {
      for address in addresses {
        if address.family == .unix {
          try listenOnce(on: address, backlog: backlog, options: options)
        } else {
          try listenPerLoop(on: address, backlog: backlog, options: options)
        }
      }
    } catch {
      removeFiles()
      for socket in perLoop.joined() { Socket.close(socket.descriptor) }
      throw error
    }
  }

  private mutating func listenPerLoop(
    on address: SocketAddress,
    backlog: Int32,
    options: SocketOptions
  ) throws(SocketError) {
    let sharesPort = perLoop.count > 1
    if sharesPort, address.port != 0 {
      // SO_REUSEPORT would share the port with another server of the same user, who would wonder where half of the
      // connections went. A listener without it finds out.
      let probe = try Socket.listen(on: address, backlog: 1, options: options, sharesPort: false)
      Socket.close(probe)
    }
    var bound = address
    for index in perLoop.indices {
      let descriptor = try Socket.listen(on: bound, backlog: backlog, options: options, sharesPort: sharesPort)
      // The kernel chose the port; the others must have the same.
      bound = Socket.localAddress(of: descriptor) ?? bound
      perLoop[index].append(ListeningSocket(descriptor: descriptor, address: bound, isShared: false))
    }
    addresses.append(bound)
  }

  private mutating func listenOnce(
    on address: SocketAddress,
    backlog: Int32,
    options: SocketOptions
  ) throws(SocketError) {
    let first = try Socket.listen(on: address, backlog: backlog, options: options, sharesPort: false)
    let isShared = perLoop.count > 1
    perLoop[0].append(ListeningSocket(descriptor: first, address: address, isShared: isShared))
    if let file = try UnixSocketFile(of: first, address) { files.append(file) }
    for index in perLoop.indices.dropFirst() {
      let descriptor = try Socket.duplicate(first, address)
      perLoop[index].append(ListeningSocket(descriptor: descriptor, address: address, isShared: isShared))
    }
    addresses.append(address)
  }

  /// Removes the files of Unix sockets, where they are still theirs. Once, before the last of their sockets is closed.
  func removeFiles() {
    for file in files { file.remove() }
  }
}
