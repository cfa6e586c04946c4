/// The status of a response (RFC 9110, 15), also of those that refuse a request, and are thrown until they are sent.
public struct HTTPStatus: Error, Equatable {
  /// The three digits.
  public let code: Int
  /// What they mean.
  public let reason: StaticString

  /// A status of which there is no constant.
  public init(_ code: Int, _ reason: StaticString) {
    self.code = code
    self.reason = reason
  }

  /// Whether the codes are the same.
  public static func == (left: HTTPStatus, right: HTTPStatus) -> Bool { left.code == right.code }

  /// 200.
  public static let ok = HTTPStatus(200, "OK")
  /// 206.
  public static let partialContent = HTTPStatus(206, "Partial Content")
  /// 304.
  public static let notModified = HTTPStatus(304, "Not Modified")
  /// 400.
  public static let badRequest = HTTPStatus(400, "Bad Request")
  /// 404.
  public static let notFound = HTTPStatus(404, "Not Found")
  /// 405.
  public static let methodNotAllowed = HTTPStatus(405, "Method Not Allowed")
  /// 408.
  public static let requestTimeout = HTTPStatus(408, "Request Timeout")
  /// 413.
  public static let contentTooLarge = HTTPStatus(413, "Content Too Large")
  /// 414.
  public static let targetTooLong = HTTPStatus(414, "URI Too Long")
  /// 416.
  public static let rangeNotSatisfiable = HTTPStatus(416, "Range Not Satisfiable")
  /// 417.
  public static let expectationFailed = HTTPStatus(417, "Expectation Failed")
  /// 431.
  public static let headersTooLarge = HTTPStatus(431, "Request Header Fields Too Large")
  /// 501.
  public static let notImplemented = HTTPStatus(501, "Not Implemented")
  /// 505.
  public static let versionNotSupported = HTTPStatus(505, "HTTP Version Not Supported")
}
