import ArgumentParser
import UnixSignals
import Logging
@main struct M: AsyncParsableCommand { func run() async throws { print("x") } }
