import Foundation

/// A reader of foreign bytes: it may refuse them with a fault of its own, and must do nothing else to the process.
public struct Reader: Sendable {
  let name: String
  let read: @Sendable ([UInt8]) throws -> Void

  public init(name: String, read: @escaping @Sendable ([UInt8]) throws -> Void) {
    self.name = name
    self.read = read
  }

  /// Fuzzes the reader that `DITHER_FUZZ_READER` names, as the program's arguments say. SwiftPM gives a program's `main`
  /// another name, so that libFuzzer is called as a library.
  /// Source: https://llvm.org/docs/LibFuzzer.html, "Using libFuzzer as a library".
  public static func fuzz(_ readers: [Reader]) -> Never {
    let wanted = ProcessInfo.processInfo.environment["DITHER_FUZZ_READER"] ?? ""
    guard let reader = readers.first(where: { $0.name == wanted }) else {
      let names = readers.map(\.name).joined(separator: ", ")
      FileHandle.standardError.write(Data("DITHER_FUZZ_READER: one of \(names)\n".utf8))
      exit(2)
    }
    chosen = reader
    var count = CommandLine.argc
    var words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = CommandLine.unsafeArgv
    exit(runFuzzer(&count, &words, fuzzOne))
  }
}

/// Written once, before libFuzzer begins.
nonisolated(unsafe) private var chosen: Reader?

@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
  _ count: UnsafeMutablePointer<CInt>,
  _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// One input. libFuzzer's own `main` is linked too, and calls it by this name.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: data, count: size))
  do { try chosen?.read(bytes) } catch {
    // A refusal is an answer, and its words must be readable.
    precondition(!"\(error)".isEmpty, "an error without words")
  }
  return 0
}
