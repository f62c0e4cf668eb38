import DitherBasics
import Foundation

/// Results of shards in a folder, which may be all that the processes that do them share: `journal.json` says what they
/// depend on, and every shard has a file that appears whole or not at all. The first result of a shard stays; a second
/// one is compared with it.
public struct ShardJournal: Sendable {
  /// One thing that results depend on.
  public struct Fact: Sendable {
    /// Its name, for people.
    public var name: String
    /// Equal values give equal results.
    public var value: String
    /// Advice for whoever comes with another value.
    public var remedy: String

    /// - Parameters:
    ///   - name: for people, as "seed".
    ///   - value: equal values give equal results.
    ///   - remedy: what to do for one whose value is another.
    public init(_ name: String, _ value: String, remedy: String) {
      (self.name, self.value, self.remedy) = (name, value, remedy)
    }
  }

  private struct Record: Codable {
    var format: Int
    var kind: String
    var facts: [String: String]
  }

  private static let format = 1

  /// Where it lies.
  public let folder: String
  /// The digest of all that results depend on: part of each file's, so that none of another journal is taken.
  private let identity: Sha256.Digest

  /// Begins a journal, or goes on with one.
  /// - Parameters:
  ///   - folder: made where it is absent.
  ///   - kind: of the work, in a word.
  ///   - facts: all that results depend on.
  /// - Throws: `JobFault.journal` where it was begun with another value of one of them.
  public init(folder: String, kind: String, facts: [Fact]) throws(JobError) {
    self.folder = folder
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), !isFolder.boolValue {
      throw JobError(.journal, at: folder, expected: "a folder", got: "a file", advice: Self.elsewhere)
    }
    do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
      throw JobError(.storage, at: folder, expected: "a folder to write to", got: error.localizedDescription)
    }
    WholeFile.removeLeftovers(in: folder)
    let record = Record(
      format: Self.format, kind: kind, facts: Dictionary(facts.map { ($0.name, $0.value) }) { $1 })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let text = try? encoder.encode(record) else { preconditionFailure("texts are JSON") }
    identity = Sha256.hash(text)
    let path = folder + "/journal.json"
    if try Self.storing({ () throws(FileError) in try WholeFile.create(Array(text) + [10], at: path) }) { return }
    guard let there = FileManager.default.contents(atPath: path),
      let known = try? JSONDecoder().decode(Record.self, from: there)
    else {
      throw JobError(
        .journal, at: path, expected: "the record of a journal", got: "something else", advice: Self.elsewhere)
    }
    try Self.compare(known, record, facts, at: folder)
  }

  private static let elsewhere = "say another folder with --journal"

  private static func compare(_ known: Record, _ own: Record, _ facts: [Fact], at folder: String) throws(JobError) {
    guard known.format == own.format, known.kind == own.kind, known.facts.count == own.facts.count else {
      throw JobError(
        .journal, at: folder, expected: "the journal of this \(own.kind), in form \(own.format)",
        got: "that of a \(known.kind.clipped()), in form \(known.format)", advice: elsewhere)
    }
    for fact in facts where known.facts[fact.name] != fact.value {
      throw JobError(
        .journal, at: "\(folder), \(fact.name)",
        expected: "\(known.facts[fact.name].map { "'\($0.clipped())'" } ?? "none"), with which it was begun",
        got: "'\(fact.value.clipped())'", advice: "\(fact.remedy), or \(elsewhere)")
    }
  }

  // MARK: results

  /// The result of a shard; nil where there is none, or the file is not as it was written: then the shard is to be done
  /// again.
  /// - Parameter shard: its number in the work, from 0.
  public func result(of shard: Int) -> [UInt8]? {
    guard let data = FileManager.default.contents(atPath: path(shard)), let end = data.firstIndex(of: 10) else {
      return nil
    }
    let result = [UInt8](data[(end + 1)...])
    return [UInt8](data[...end]) == head(of: shard, result) ? result : nil
  }

  /// Keeps a result. Where another process has brought one, that stays.
  /// - Throws: `JobFault.divergent` where they are not the same.
  public func keep(_ result: [UInt8], of shard: Int) throws(JobError) {
    let bytes = head(of: shard, result) + result, path = path(shard)
    if try Self.storing({ () throws(FileError) in try WholeFile.create(bytes, at: path) }) { return }
    guard let there = self.result(of: shard) else {
      return try Self.storing { () throws(FileError) in try WholeFile.write(bytes, to: path) }
    }
    guard there == result else {
      throw JobError(
        .divergent, at: path, expected: "the bytes that another process has found for this shard", got: "others",
        advice:
          "memory or a disk of one machine may be bad, or two kinds of machines look alike: begin anew on one machine")
    }
  }

  private func path(_ shard: Int) -> String { "\(folder)/shard-\(shard)" }

  /// The first line of a shard's file.
  private func head(of shard: Int, _ result: [UInt8]) -> [UInt8] {
    var hash = Sha256()
    hash.update(identity.bytes)
    hash.update("\n\(shard)\n".utf8)
    result.withUnsafeBytes { hash.update($0) }
    return Array("dither shard \(shard), \(hash.finish())\n".utf8)
  }

  private static func storing<Value>(_ body: () throws(FileError) -> Value) throws(JobError) -> Value {
    do throws(FileError) { return try body() } catch {
      throw JobError(
        .storage, at: error.place, expected: error.expected, got: error.got,
        advice: "what is there stays: run the same command when there is room")
    }
  }
}
