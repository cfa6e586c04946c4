extension LoadRun {
  /// Until it is cancelled: prints how the run stands once a second, and ends it when nothing moves for too long.
  func watch(_ drivers: [LoadDriver]) async {
    // Often enough for a short patience, and never less than once a second.
    let interval = min(1, options.patience / 4)
    var last: [LoadDriver.Pulse] = drivers.map { _ in LoadDriver.Pulse() }
    var stillFor: [Double] = drivers.map { _ in 0 }
    var sinceLine = 0.0
    var line = ProgressLine()
    var before = MonotonicClock.now()
    while (try? await Task.sleep(for: .seconds(interval))) != nil {
      let now = MonotonicClock.now()
      let passed = Double(now - before) / 1e9
      before = now
      for (index, driver) in drivers.enumerated() {
        let pulse = await driver.pulse()
        let stands = pulse.isBusy && pulse.progress == last[index].progress
        stillFor[index] = stands ? stillFor[index] + passed : 0
        if stillFor[index] >= options.patience { await driver.stall() }
        last[index] = pulse
      }
      if last.contains(where: \.hasGivenUp) {
        for driver in drivers { await driver.abandon() }
      }
      sinceLine += passed
      if !options.quiet, sinceLine >= 0.99 {
        complain(line.next(last, seconds: sinceLine))
        sinceLine = 0
      }
    }
  }
}
