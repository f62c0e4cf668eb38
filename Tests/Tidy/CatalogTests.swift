import Foundation
import Testing

/// A member of a catalog is a file in the catalog's folder.
@Suite("Catalogs")
struct CatalogTests {
  /// A kind of thing: its folder, whose members name where their formula is from, and the catalog's own file.
  struct Kind: Sendable, CustomStringConvertible {
    var folder: String
    var catalog: String
    /// How tests go through all of its members.
    var throughout: String
    var description: String { folder }
  }

  static let kinds = [
    Kind(folder: "Sources/Robustness/Attacks", catalog: "Sources/Robustness/Attacks.swift", throughout: ".attacks"),
    Kind(
      folder: "Sources/Robustness/Corruptions", catalog: "Sources/Robustness/Corruptions.swift",
      throughout: ".corruptions"),
    Kind(folder: "Sources/Train/Searches", catalog: "Sources/Train/Searches.swift", throughout: ".searches"),
    Kind(folder: "Sources/Train/Optimizers", catalog: "Sources/Train/Optimizers.swift", throughout: ".optimizers"),
    Kind(folder: "Sources/Train/Posteriors", catalog: "Sources/Train/Posteriors.swift", throughout: ".posteriors"),
    Kind(
      folder: "Sources/Train/Augmentations", catalog: "Sources/Train/Augmentations.swift", throughout: ".augmentations"),
    Kind(folder: "Sources/Train/Views", catalog: "Sources/Train/Views.swift", throughout: ".views"),
    Kind(folder: "Sources/Train/Strategies", catalog: "Sources/Train/Strategies.swift", throughout: ".strategies"),
    Kind(
      folder: "Sources/Inference/Objectives", catalog: "Sources/Inference/Objectives.swift", throughout: ".objectives"),
    Kind(folder: "Sources/Inference/Measures", catalog: "Sources/Inference/Measures.swift", throughout: ".measures"),
    Kind(
      folder: "Sources/Inference/Candidates", catalog: "Sources/Inference/NoiseCandidates.swift",
      throughout: ".candidates"),
    Kind(folder: "Sources/Graph/Noises", catalog: "Sources/Graph/Noises.swift", throughout: ".noises"),
    Kind(folder: "Sources/Graph/Schedules", catalog: "Sources/Graph/Schedules.swift", throughout: ".schedules"),
  ]

  /// Elementary: entropies, spreads, noise and lines need no paper.
  private static let unsourced: Set<String> = [
    "AdditiveNoise", "ExpectedEntropy", "LargestStandardError", "Margin", "PredictiveEntropy", "StandardDeviation",
    "VariationRatio", "AnnealedSchedule", "ConstantSchedule", "ExponentialSchedule", "GaussianNoise", "LaplaceNoise",
    "LinearSchedule", "PixelMaskNoise", "UniformNoise", "WarmupSchedule", "BlockMaskNoise", "ChannelNoise",
    "CorrelatedNoise", "LowRankNoise", "Rotation", "GridSearch", "OwnNoise",
  ]

  /// Helpers that stand in a folder of members are none.
  private static func members(of kind: Kind) -> [Repository.File] {
    let catalog = Repository.file(kind.catalog)?.text ?? ""
    return Repository.files(kind.folder, "swift").filter { file in
      catalog.split { !$0.isLetter && !$0.isNumber }.contains { $0 == name(of: file) }
    }
  }
  private static func name(of file: Repository.File) -> String {
    ((file.path as NSString).lastPathComponent as NSString).deletingPathExtension
  }

  @Test("a member's comment says where its formula is from", arguments: kinds)
  func sources(_ kind: Kind) {
    let source = /(arXiv|Source:|ONNX|ISO|RFC|(19|20)\d\d)/
    let members = Self.members(of: kind)
    #expect(members.count > 1, "members of \(kind) are files with the type's name")
    // Corruptions are those of the two papers that the catalog names.
    if kind.folder.hasSuffix("Corruptions"), Repository.file(kind.catalog)?.text.firstMatch(of: source) != nil {
      return
    }
    for file in members where !Self.unsourced.contains(Self.name(of: file)) {
      let comments = file.lines.filter { $0.drop { $0 == " " }.hasPrefix("///") }.joined(separator: "\n")
      #expect(comments.firstMatch(of: source) != nil, "\(file) names no source")
    }
  }

  @Test("documents name each member as users write it", arguments: kinds)
  func documented(_ kind: Kind) {
    let documents = Repository.files("docs", "md").map(\.text).joined(separator: "\n").lowercased()
    for file in Self.members(of: kind) {
      guard let found = file.text.firstMatch(of: /static let name = "([a-z0-9_]+)"/) else { continue }
      let words = found.1.replacing("_", with: " ")
      #expect(documents.contains(found.1) || documents.contains(words), "no document names \(found.1) of \(file)")
    }
  }

  @Test("tests go through the whole catalog, or name each member", arguments: kinds)
  func tested(_ kind: Kind) {
    let all = Repository.tests.filter { $0.room != "Tidy" }.map(\.text).joined(separator: "\n")
    if ["entries", "names"].contains(where: { all.contains("\(kind.throughout).\($0)") }) { return }
    for file in Self.members(of: kind) {
      #expect(all.contains(Self.name(of: file)), "no test names \(Self.name(of: file))")
    }
  }
}
