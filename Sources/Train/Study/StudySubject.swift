import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import Foundation

/// A model that a study measures, with what it was made of.
final class StudySubject {
  let model: Model
  /// Seconds of a core that its training took.
  let seconds: Double
  private let recipe: Recipe
  private let data: SharedData
  private var evaluated: Evaluation?

  init(_ model: Model, _ recipe: Recipe, _ data: SharedData, seconds: Double = 0) {
    (self.model, self.recipe, self.data, self.seconds) = (model, recipe, data, seconds)
  }

  /// The model before its first step.
  convenience init(untrained recipe: Recipe, _ data: SharedData) throws {
    try self.init(Self.untrained(recipe, data), recipe, data)
  }

  private static func untrained(_ recipe: Recipe, _ data: SharedData) throws -> Model {
    try Model(Trainer(recipe, data: data.part(recipe, .train), threads: 1).snapshot())
  }

  /// On the whole test part.
  func evaluation() throws -> Evaluation {
    if let evaluated { return evaluated }
    let found = try Evaluation(model, data.part(recipe, .test), threads: 1)
    evaluated = found
    return found
  }

  /// The same by the mean over looks at each picture.
  func evaluation(by views: [any PictureView]) throws -> Evaluation {
    let test = try data.part(recipe, .test), looks = try Look.all(of: views, at: test.inputs.shape.row)
    return try Evaluation(Model(model.graph.viewed(by: looks)), test, threads: 1)
  }

  func rows(of part: StudyMeasure.Part) throws -> Dataset {
    if part == .test { return try data.part(recipe, .test) }
    let own = try TrainingPart(recipe, data.part(recipe, .train))
    return part == .train ? own.examples : own.validation ?? own.examples
  }

  /// The same model before its first step, for probes that compare with it.
  func prior() throws -> Model { try Self.untrained(recipe, data) }
}
