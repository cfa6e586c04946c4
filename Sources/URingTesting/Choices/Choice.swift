/// One decision of a run, as it was taken.
package struct Choice: Equatable, Sendable {
  package var site: Site
  package var value: UInt32

  package init(site: Site, value: UInt32) {
    self.site = site
    self.value = value
  }
}
