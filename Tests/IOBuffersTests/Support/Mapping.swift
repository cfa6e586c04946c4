import Glibc

/// Whether the page at `address` is mapped in this process: mincore(2) fails with ENOMEM where nothing is.
@safe
func isMapped(_ address: UnsafeRawPointer) -> Bool {
  let page = UInt(getpagesize())
  let start = UInt(bitPattern: address) & ~(page - 1)
  var residency: UInt8 = 0
  return unsafe mincore(UnsafeMutableRawPointer(bitPattern: start), 1, &residency) == 0
}
