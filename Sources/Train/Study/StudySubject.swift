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
  private var known: Model?
  private let isTrained: Bool

  init(_ model: Model, _ recipe: Recipe, _ data: SharedData, seconds: Double = 0, isTrained: Bool = true) {
    (self.model, self.recipe, self.data, self.seconds) = (model, recipe, data, seconds)
    self.isTrained = isTrained
  }

  /// The model before its first step.
  convenience init(untrained recipe: Recipe, _ data: SharedData) throws {
    try self.init(Self.untrained(recipe, data), recipe, data, isTrained: false)
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
    switch part {
    case .train, .test: return own.examples
    case .validation: return own.validation ?? own.examples
    case .unseen: return recipe.priorPhase.map { own.examples.rows(own.split(by: $0).unseen) } ?? own.examples
    }
  }

  /// The model that probes compare with: the prior that its training began with, or else the network before its first
  /// step. A prior is trained again, to the same bytes.
  func prior() throws -> Model {
    if let known { return known }
    guard isTrained, recipe.priorPhase != nil else { return try Self.untrained(recipe, data) }
    let trainer = try Trainer(recipe, data: data.part(recipe, .train), threads: 1)
    trainer.validatesForRecord = false
    try trainer.run(shouldStop: { !trainer.isInPrior })
    let found = try Model(trainer.snapshot())
    known = found
    return found
  }
}
