import DitherBasics

/// The file of a sweep or a study with the files that it names: all that another process needs to read it.
public struct PlanText: Codable, Sendable, Equatable {
  /// Its name, for messages.
  let file: String
  let text: String
  /// Texts by the paths that the file has.
  private let others: [String: String]

  /// - Parameters:
  ///   - text: the file's.
  ///   - file: its name, for messages.
  ///   - read: the text of a file whose path the file has.
  public init(_ text: String, at file: String, read: (String) throws -> String) throws {
    (self.text, self.file) = (text, file)
    let recipe = try RecipeTree(text).map["recipe"] as? String
    others = try recipe.map { [$0: try read($0)] } ?? [:]
  }

  /// - Throws: `TrainFault.recipe` for a file that did not come along.
  func read(_ path: String) throws -> String {
    guard let text = others[path] else {
      throw TrainError(
        .recipe, at: file, expected: "the text of '\(path.clipped())' beside it", got: "none",
        advice: "ask for it again with this release")
    }
    return text
  }
}

extension SweepPlan {
  /// - Throws: `TrainFault.recipe`, as of the file.
  public init(_ plan: PlanText) throws { try self.init(yaml: plan.text, at: plan.file) { try plan.read($0) } }
}

extension StudyPlan {
  /// - Parameter isQuick: lays the file's `quick` over it.
  /// - Throws: `TrainFault.recipe`, as of the file.
  public init(_ plan: PlanText, isQuick: Bool) throws {
    try self.init(yaml: plan.text, at: plan.file, isQuick: isQuick) { try plan.read($0) }
  }
}
