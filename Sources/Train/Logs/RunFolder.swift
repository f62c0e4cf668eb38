import DitherBasics
import Foundation

/// Where a run keeps its record: `runs/NAME-seedN` in the folder of models, or the next number behind it that is free.
/// No run writes into another's.
struct RunFolder {
  let path: String
  var name: String { URL(filePath: path).lastPathComponent }
  /// The log of its epochs, without the ending.
  var log: String { path + "/log" }

  /// A new one.
  init(newIn folder: String, _ recipe: Recipe) throws(TrainError) {
    let runs = folder + "/runs"
    var number = (Self.numbers(in: runs, recipe).max() ?? 0) + 1
    do {
      try FileManager.default.createDirectory(atPath: runs, withIntermediateDirectories: true)
      while mkdir(Self.path(in: runs, recipe, number), 0o755) != 0 {
        guard errno == EEXIST else { throw CocoaError(.fileWriteUnknown) }
        number += 1
      }
    } catch {
      throw TrainError(.output, at: runs, expected: "a folder to write to", got: error.localizedDescription)
    }
    path = Self.path(in: runs, recipe, number)
  }

  /// The last that was begun; nil: there is none.
  init?(lastIn folder: String, _ recipe: Recipe) {
    let runs = folder + "/runs"
    guard let number = Self.numbers(in: runs, recipe).max() else { return nil }
    path = Self.path(in: runs, recipe, number)
  }

  private static func path(in runs: String, _ recipe: Recipe, _ number: Int) -> String {
    "\(runs)/\(stem(recipe))\(number == 1 ? "" : "-\(number)")"
  }
  private static func stem(_ recipe: Recipe) -> String { "\(recipe.name)-seed\(recipe.seed)" }

  private static func numbers(in runs: String, _ recipe: Recipe) -> [Int] {
    let stem = stem(recipe), all = (try? FileManager.default.contentsOfDirectory(atPath: runs)) ?? []
    return all.filter { $0.hasPrefix(stem) }.compactMap { name in
      let rest = name.dropFirst(stem.count)
      return rest.isEmpty ? 1 : rest.first == "-" ? Int(rest.dropFirst()).flatMap { $0 > 1 ? $0 : nil } : nil
    }
  }

  /// Keeps what lies elsewhere, as it is now: the same file by a second name, or a copy where a disk has no such names.
  func keep(_ file: String, as name: String) throws(TrainError) {
    let target = "\(path)/\(name)"
    do {
      try? FileManager.default.removeItem(atPath: target)
      do { try FileManager.default.linkItem(atPath: file, toPath: target) } catch {
        try FileManager.default.copyItem(atPath: file, toPath: target)
      }
    } catch {
      throw TrainError(.output, at: target, expected: "a file that can be written", got: error.localizedDescription)
    }
  }
}
