import DitherBasics
import Foundation

/// The folder of `--runs`, as `dither train`, `sweep` and `study` leave it. Everything in it is looked at within
/// bounds, links are not followed, and a request names only what was found.
struct RunsFolder: Sendable {
  /// Something that can be shown.
  struct Entry: Sendable, Equatable {
    /// Kinds of records.
    enum Kind: String, Sendable {
      /// A folder with `run.json` and `log.jsonl`.
      case run
      /// A table `NAME.json` with `NAME.csv` and its page `NAME.html`.
      case sweep
      /// `NAME.json` with `NAME.md` and its page `NAME.html`.
      case study
    }
    var kind: Kind
    /// From the folder's root: a run's folder, or a table's path without its ending.
    var path: String
    /// When its log or its table was written last, since 1970.
    var changedMilliseconds: Int64
  }

  /// Without a slash at its end.
  let root: String

  /// Names that are looked at, levels below the root, and records that are kept.
  static let mostNames = 20_000, mostLevels = 5, mostEntries = 1000
  /// The end of the year 9999: some file systems keep times of which a calendar knows nothing.
  private static let latestSecond = 253_402_300_799

  /// - Throws: `ServiceFault.configuration` where there is no such folder.
  init(_ path: String) throws(ServiceError) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
      throw ServiceError(
        .configuration, at: "runs folder \(path)", expected: "a folder that `dither train` or `dither sweep` writes to",
        got: FileManager.default.fileExists(atPath: path) ? "a file" : "no such folder",
        advice: "name another with --runs")
    }
    root = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  /// Newest first.
  /// - Returns: also whether all was looked at.
  func entries() -> (found: [Entry], isWhole: Bool) {
    var found: [Entry] = [], folders = [""], level = 0, looked = 0, isWhole = true
    while !folders.isEmpty, level <= Self.mostLevels {
      var below: [String] = []
      for folder in folders {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: path(folder))) ?? []).sorted()
        looked += names.count
        guard looked <= Self.mostNames, found.count < Self.mostEntries else {
          isWhole = false
          break
        }
        let present = Set(names)
        if let run = run(folder, present) {
          found.append(run)
        } else {
          found += tables(folder, names, present)
          below += names.filter { !$0.hasPrefix(".") }.map { joined(folder, $0) }.filter {
            status($0)?.isFolder == true
          }
        }
      }
      folders = below
      level += 1
    }
    found.sort { ($1.changedMilliseconds, $0.path) < ($0.changedMilliseconds, $1.path) }
    return (found, isWhole && folders.isEmpty)
  }

  /// - Returns: nil of what is not there: a request's words lead nowhere else.
  func entry(_ kind: Entry.Kind, _ path: String) -> Entry? {
    entries().found.first { $0.kind == kind && $0.path == path }
  }

  /// A path on the disk.
  func path(_ relative: String) -> String { relative.isEmpty ? root : "\(root)/\(relative)" }

  private func run(_ folder: String, _ names: Set<String>) -> Entry? {
    guard names.contains("run.json"), names.contains("log.jsonl"), let log = status(joined(folder, "log.jsonl")),
      !log.isFolder
    else { return nil }
    return Entry(kind: .run, path: folder, changedMilliseconds: log.changed)
  }

  private func tables(_ folder: String, _ names: [String], _ present: Set<String>) -> [Entry] {
    names.filter { $0.hasSuffix(".html") }.compactMap { page in
      let stem = String(page.dropLast(".html".count))
      guard !stem.isEmpty, present.contains(stem + ".json"), let table = status(joined(folder, stem + ".json")),
        !table.isFolder
      else { return nil }
      let kind: Entry.Kind? =
        present.contains(stem + ".csv") ? .sweep : present.contains(stem + ".md") ? .study : nil
      return kind.map { Entry(kind: $0, path: joined(folder, stem), changedMilliseconds: table.changed) }
    }
  }

  private func joined(_ folder: String, _ name: String) -> String { folder.isEmpty ? name : "\(folder)/\(name)" }

  /// - Returns: nil of what is neither a file nor a folder.
  private func status(_ relative: String) -> (isFolder: Bool, changed: Int64)? {
    var status = stat()
    guard lstat(path(relative), &status) == 0 else { return nil }
    let kind = status.st_mode & S_IFMT
    guard kind == S_IFREG || kind == S_IFDIR else { return nil }
    let second = min(max(status.st_mtim.tv_sec, 0), Self.latestSecond)
    return (kind == S_IFDIR, Int64(second) * 1000 + Int64(status.st_mtim.tv_nsec) / 1_000_000)
  }
}
