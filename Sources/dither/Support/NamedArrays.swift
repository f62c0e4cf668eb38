import DitherBasics
import DitherDatasets
import Foundation

/// Arrays for a model's inputs by their names, as a command line gives them: `NAME=FILE`, or an archive `FILE.npz` with
/// arrays of these names.
enum NamedArrays {
  /// Whether an option says a name, or is an archive.
  static func isNamed(_ option: String, among names: [String]) -> Bool {
    isArchive(option) || names.contains { option.hasPrefix("\($0)=") }
  }

  private static func isArchive(_ path: String) -> Bool { path.lowercased().hasSuffix(".npz") }

  /// - Throws: for a name that is none of `names`, or stands twice, and what is wrong with a file.
  static func read(_ options: [String], for names: [String]) throws -> [String: FileArray] {
    var arrays: [String: FileArray] = [:]
    func add(_ array: FileArray, as name: String) throws {
      guard arrays.updateValue(array, forKey: name) == nil else {
        throw CommandError(.badOption, at: "--input", expected: "each input once", got: "'\(name.clipped())' twice")
      }
    }
    for text in options {
      let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
      if parts.count == 1, isArchive(text) {
        let found = try archive(text).filter { names.contains($0.name) }
        guard !found.isEmpty else {
          throw CommandError(
            .badOption, at: text, expected: "arrays named \(names.joined(separator: ", "))".clipped(),
            got: "none of them"
          )
        }
        for (name, array) in found { try add(array, as: name) }
        continue
      }
      guard let name = parts.count == 2 ? parts[0] : names.count == 1 ? names[0] : nil, names.contains(name) else {
        throw CommandError(
          .badOption, at: "--input", expected: "NAME=FILE with NAME one of \(names.joined(separator: ", "))".clipped(),
          got: "'\(text.clipped())'",
          advice: nearest(to: parts.first ?? "", among: names).map { "did you mean '\($0)'?" })
      }
      try add(FileArray(path: parts.last ?? ""), as: name)
    }
    return arrays
  }

  /// The arrays of an archive by their names.
  private static func archive(_ path: String) throws -> [(name: String, array: FileArray)] {
    let zip = try Zip(FileArray.read(path), at: path)
    return try zip.names.filter { $0.hasSuffix(".npy") }.map { member in
      (String(member.dropLast(4)), FileArray(try Npy(zip.member(member), at: "'\(member)' of \(path)")))
    }
  }
}
