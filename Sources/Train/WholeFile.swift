import DitherBasics
import Foundation

/// A file that appears whole or not at all.
func writeWhole(_ bytes: [UInt8], to path: String) throws(TrainError) {
  let part = path + ".part"
  func fail() -> TrainError {
    let reason = String(cString: strerror(errno))
    unlink(part)
    return TrainError(.output, at: path, expected: "a file that can be written", got: reason)
  }
  let descriptor = open(part, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
  guard descriptor >= 0 else { throw fail() }
  var written = 0
  while written < bytes.count {
    let count = bytes.withUnsafeBytes {
      Foundation.write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written)
    }
    guard count > 0 else {
      let error = fail()
      close(descriptor)
      throw error
    }
    written += count
  }
  guard fsync(descriptor) == 0, close(descriptor) == 0, rename(part, path) == 0 else { throw fail() }
}

/// As people read it: keys in snake case, sorted, a line each.
func jsonText(of value: some Encodable) throws -> [UInt8] {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  encoder.keyEncodingStrategy = .convertToSnakeCase
  return try Array(encoder.encode(value)) + [UInt8(ascii: "\n")]
}
