import Foundation

/// What libFuzzer calls, for the reader that `DITHER_FUZZ_READER` names. Source: https://llvm.org/docs/LibFuzzer.html
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: data, count: size))
  do { try chosen.read(bytes) } catch {
    // A refusal is an answer, and its words must be readable.
    precondition(!"\(error)".isEmpty, "an error without words")
  }
  return 0
}

private let chosen: Reader = {
  let wanted = ProcessInfo.processInfo.environment["DITHER_FUZZ_READER"] ?? ""
  guard let reader = Reader.all.first(where: { $0.name == wanted }) else {
    FileHandle.standardError.write(
      Data("DITHER_FUZZ_READER: one of \(Reader.all.map(\.name).joined(separator: ", "))\n".utf8))
    exit(2)
  }
  return reader
}()
