import Foundation

/// The fuzzer of the reader that `DITHER_FUZZ_READER` names. SwiftPM gives a program's `main` another name, so that libFuzzer is
/// called as a library. Source: https://llvm.org/docs/LibFuzzer.html, "Using libFuzzer as a library".
@main
enum Fuzzer {
  static func main() {
    _ = chosen
    var count = CommandLine.argc
    var words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = CommandLine.unsafeArgv
    exit(runFuzzer(&count, &words, fuzzOne))
  }

  fileprivate static let chosen: Reader = {
    let wanted = ProcessInfo.processInfo.environment["DITHER_FUZZ_READER"] ?? ""
    guard let reader = Reader.all.first(where: { $0.name == wanted }) else {
      FileHandle.standardError.write(
        Data("DITHER_FUZZ_READER: one of \(Reader.all.map(\.name).joined(separator: ", "))\n".utf8))
      exit(2)
    }
    return reader
  }()
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
  _ count: UnsafeMutablePointer<CInt>,
  _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// One input. libFuzzer's own `main`, where the linker takes that one, calls it by this name.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: data, count: size))
  do { try Fuzzer.chosen.read(bytes) } catch {
    // A refusal is an answer, and its words must be readable.
    precondition(!"\(error)".isEmpty, "an error without words")
  }
  return 0
}
