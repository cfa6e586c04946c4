public import Sluice

/// The body of a request, piece by piece, in the memory that the kernel received it into.
public struct RequestBody: ~Copyable {
  private var length: BodyLength
  private var chunks = ChunkedDecoder()
  private var allowed: Int

  /// The body of a request whose head was read.
  ///
  /// - Parameters:
  ///   - length: what the head says of it.
  ///   - limit: the most bytes that it may have.
  /// - Throws: `.contentTooLarge` if it says that it is longer than allowed.
  public init(_ length: BodyLength, limit: Int) throws(HTTPStatus) {
    if case .bytes(let count) = length, count > limit { throw .contentTooLarge }
    self.length = length
    allowed = limit
  }

  /// The next piece; nil behind the last one.
  ///
  /// - Throws: `HTTPStatus` where it is none; `.contentTooLarge` when it gets longer than allowed.
  public mutating func next(from reader: inout ConnectionReader) async throws -> ByteQueue? {
    switch length {
    case .bytes(0): return nil
    case .bytes(let left):
      guard let piece = try await reader.read(upTo: left) else { throw HTTPStatus.badRequest }
      length = .bytes(left - piece.count)
      return piece
    case .chunked:
      switch try await reader.next(&chunks) {
      case .data(let piece)?:
        allowed -= piece.count
        guard allowed >= 0 else { throw HTTPStatus.contentTooLarge }
        return piece
      case .end?: length = .bytes(0)
      case nil: throw HTTPStatus.badRequest
      }
      return nil
    }
  }
}
