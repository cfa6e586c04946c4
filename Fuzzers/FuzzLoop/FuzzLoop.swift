/// libFuzzer's own loop. Its library brings a `main` as well, which is left out because there is one.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// Runs `test` with what libFuzzer makes up, as the command line says, until it is told to end.
/// - Parameter test: gets the fuzzer's memory, there for as long as the call; answers 0.
public func fuzz(_ test: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt) {
  var count = CommandLine.argc
  var arguments = unsafe CommandLine.unsafeArgv
  // Both outlive the call, which is the whole program.
  _ = unsafe runFuzzer(&count, &arguments, test)
}
