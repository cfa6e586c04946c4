#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How much this run is to do: `SLUICE_SHORT=1` for sanitizers, `SLUICE_LONG=1` for the night, neither for every day.
enum TestRun {
  static let isShort = isSet("SLUICE_SHORT")
  static let isLong = isSet("SLUICE_LONG")

  /// One of three amounts.
  static func amount(_ everyDay: Int, short: Int, long: Int) -> Int {
    isShort ? short : isLong ? long : everyDay
  }

  static func isSet(_ name: String) -> Bool {
    guard let value = unsafe getenv(name) else { return false }
    return unsafe String(cString: value) == "1"
  }
}
