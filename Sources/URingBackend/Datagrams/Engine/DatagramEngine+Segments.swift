internal import IOBuffers

/// Trains of datagrams that the kernel cuts: UDP_SEGMENT of udp(7).
extension DatagramEngine {
  /// UDP_MAX_SEGMENTS of the kernels that have the fewest.
  private static let mostSegments = 64
  /// The most bytes of one datagram over IPv4.
  private static let mostBytes = 65_507

  /// Hands over bytes that are several datagrams: as few trains as the kernel takes, or one after the other where it does not
  /// cut.
  @inline(never)
  func sendSegments(
    _ view: DetachedView,
    on place: Place,
    to address: SocketAddress?,
    from local: SocketAddress?,
    ecn: ECNCodepoint?,
    segment: Int
  ) -> Bool {
    let count = Int(view.count)
    let inTrain = max(1, min(DatagramEngine.mostSegments, DatagramEngine.mostBytes / segment))
    let isCut = segment <= place.record.largestSegment && inTrain > 1
    let piece = isCut ? inTrain * segment : segment
    // All of it or nothing.
    guard place.record.sendsInFlight + (count + piece - 1) / piece <= place.record.sendLimit else {
      return refuse(view, place)
    }
    return sendPieces(view, on: place, piece: piece, isCut ? segment : 0, DatagramPath.Ends(address, local, ecn))
  }

  /// A train was refused: its datagrams go one by one.
  @inline(never)
  func sendSingly(_ train: DatagramSends.Place, _ view: DetachedView, on place: Place) {
    let segment = Int(train.record.segment)
    let (local, ecn) = train.record.controlled
    let ends = DatagramPath.Ends(train.record.destination, local, ecn)
    sends.giveBack(train)
    place.record.sendsInFlight -= 1
    place.record.sendBytes -= Int(view.count)
    _ = sendPieces(view, on: place, piece: segment, 0, ends)
  }

  /// Hands over bytes in pieces, each with a reader of its own.
  private func sendPieces(
    _ view: DetachedView,
    on place: Place,
    piece: Int,
    _ segment: Int,
    _ ends: DatagramPath.Ends
  ) -> Bool {
    var rest = view
    while true {
      let isLast = Int(rest.count) <= piece
      var part = rest
      if !isLast {
        guard let shared = rest.shareReader() else { break }
        part = shared
        part.count = UInt32(truncatingIfNeeded: piece)
      }
      guard let pending = sends.take() else {
        if !isLast { part.releaseReader() }
        break
      }
      fill(
        pending,
        part,
        on: place,
        to: ends.peer,
        from: ends.local,
        ecn: ends.ecn,
        segment: Int(part.count) > segment ? segment : 0
      )
      start(pending, part, on: place)
      if isLast { return true }
      rest.removePrefix(piece)
    }
    // There are as many views, or datagrams, as there can be: the rest is not sent.
    return refuse(rest, place)
  }
}

extension DatagramPath {
  /// Where pieces go, and how they are marked.
  fileprivate struct Ends {
    var peer: SocketAddress?
    var local: SocketAddress?
    var ecn: ECNCodepoint?

    init(_ peer: SocketAddress?, _ local: SocketAddress?, _ ecn: ECNCodepoint?) {
      self.peer = peer
      self.local = local
      self.ecn = ecn
    }
  }
}
