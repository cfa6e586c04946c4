/// What a body is (RFC 9110, 8.3.1).
public struct MediaType: Sendable {
  /// As the field Content-Type has it.
  public let text: StaticString

  /// A type of which there is no constant.
  public init(_ text: StaticString) {
    self.text = text
  }

  /// Any bytes.
  public static let bytes = MediaType("application/octet-stream")
  /// Text for people.
  public static let text = MediaType("text/plain")

  /// That of a file, which the end of its name tells.
  public static func ofFile(_ name: String) -> MediaType {
    switch name.split(separator: ".").last {
    case "html": MediaType("text/html; charset=utf-8")
    case "txt", "md": MediaType("text/plain; charset=utf-8")
    case "css": MediaType("text/css")
    case "js": MediaType("text/javascript")
    case "json": MediaType("application/json")
    case "png": MediaType("image/png")
    case "jpg": MediaType("image/jpeg")
    case "svg": MediaType("image/svg+xml")
    default: .bytes
    }
  }
}
