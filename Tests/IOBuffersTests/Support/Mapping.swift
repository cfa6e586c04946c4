import Foundation
import Glibc

/// Whether the page at `address` is mapped in this process: mincore(2) fails with ENOMEM where nothing is.
func isMapped(_ address: UInt) -> Bool {
  let start = address & ~(UInt(getpagesize()) - 1)
  var residency: UInt8 = 0
  return unsafe mincore(UnsafeMutableRawPointer(bitPattern: start), 1, &residency) == 0
}

/// The kernel's flags of the mapping around `address`: the two-letter words of proc(5)'s smaps.
func mappingFlags(_ address: UInt) -> [Substring]? {
  // Read to the end: files in /proc have no size, and one read returns no more than a page.
  guard let file = FileHandle(forReadingAtPath: "/proc/self/smaps"), let data = try? file.readToEnd() else {
    return nil
  }
  let text = String(decoding: data, as: UTF8.self)
  var isInside = false
  for line in text.split(separator: "\n") {
    let words = line.split(separator: " ")
    guard let first = words.first else { continue }
    let bounds = first.split(separator: "-").map { UInt($0, radix: 16) }
    if bounds.count == 2, let start = bounds[0], let end = bounds[1] {
      isInside = start <= address && address < end
    } else if isInside, first == "VmFlags:" {
      return Array(words.dropFirst())
    }
  }
  return nil
}
