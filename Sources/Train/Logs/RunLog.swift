import DitherBasics
import Foundation

/// The epochs of a run on disk, a line each: log.jsonl and the same as a table in log.csv.
struct RunLog {
  private let path: String
  private let lines: FileHandle, table: FileHandle
  private var hasHeader: Bool
  private let encoder: JSONEncoder

  /// - Parameter epochs: lines of later ones are dropped, as a run that is gone on from a checkpoint makes them again;
  ///   0: a run that begins.
  init(_ path: String, upTo epochs: Int) throws {
    func open(_ path: String, _ epoch: (Substring, Substring) -> Int?, headers: Int) throws -> (FileHandle, kept: Int) {
      let text =
        epochs > 0 ? FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } : nil
      let old = (text ?? "").split(separator: "\n")
      let kept = old.prefix(headers) + old.dropFirst(headers).filter { epoch($0, old[0]).map { $0 <= epochs } ?? false }
      try writeWhole(Array(kept.map { $0 + "\n" }.joined().utf8), to: path)
      guard let handle = FileHandle(forWritingAtPath: path) else {
        throw TrainError(.output, at: path, expected: "a file that can be written", got: "none")
      }
      try handle.seekToEnd()
      return (handle, kept.count)
    }
    self.path = path
    struct Line: Decodable { var epoch: Int }
    lines = try open(
      path + ".jsonl", { line, _ in try? JSONDecoder().decode(Line.self, from: Data(line.utf8)).epoch }, headers: 0
    ).0
    // A row that was cut may begin with another epoch than it was of.
    let (table, kept) = try open(
      path + ".csv",
      { row, header in
        row.count { $0 == "," } == header.count { $0 == "," } ? Int(row.prefix { $0 != "," }) : nil
      }, headers: 1)
    self.table = table
    hasHeader = kept > 0
    encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  }

  /// The lines of a log that can be read.
  /// - Parameter path: as it was made with.
  static func records(_ path: String) -> [EpochRecord] {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let lines = FileManager.default.contents(atPath: path + ".jsonl")?.split(separator: UInt8(ascii: "\n")) ?? []
    return lines.compactMap { try? decoder.decode(EpochRecord.self, from: $0) }
  }

  mutating func append(_ record: EpochRecord) throws(TrainError) {
    do {
      let columns = record.columns
      try lines.write(contentsOf: encoder.encode(record) + Data("\n".utf8))
      let header = hasHeader ? "" : (["epoch"] + columns.map(\.name)).joined(separator: ",") + "\n"
      let row = ["\(record.epoch)"] + columns.map { $0.value.map { "\($0)" } ?? "" }
      try table.write(contentsOf: Data((header + row.joined(separator: ",") + "\n").utf8))
      hasHeader = true
    } catch {
      throw TrainError(.output, at: path, expected: "a file that can be written", got: error.localizedDescription)
    }
  }
}
