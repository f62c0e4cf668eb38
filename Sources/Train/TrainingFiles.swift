import DitherBasics
import Foundation

/// A file that appears whole or not at all.
func writeWhole(_ bytes: [UInt8], to path: String) throws(TrainError) {
  do throws(FileError) { try WholeFile.write(bytes, to: path) } catch {
    throw TrainError(.output, at: error.place, expected: error.expected, got: error.got)
  }
}

/// Makes a folder where it is absent.
func makeTrainingFolder(_ path: String) throws(TrainError) {
  do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
    throw TrainError(.output, at: path, expected: "a folder to write to", got: error.localizedDescription)
  }
}

/// As people read it: keys in snake case, sorted, a line each.
func jsonText(of value: some Encodable) throws -> [UInt8] {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  encoder.keyEncodingStrategy = .convertToSnakeCase
  return try Array(encoder.encode(value)) + [UInt8(ascii: "\n")]
}
