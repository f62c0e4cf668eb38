import DitherReports
import DitherRobustness
import Foundation

/// A run as a page: its curves by epoch, what it was made of and what came of it.
struct RunPage {
  private let page: CurvesPage

  /// - Parameter card: of a run that is finished.
  init(_ recipe: Recipe, _ records: [EpochRecord], _ record: RunRecord, _ card: TrainRun.Card?) {
    page = CurvesPage(
      eyebrow: "Training", title: "\(recipe.name), seed \(recipe.seed)", lead: Self.lead(recipe, records, card),
      series: Self.series(records), facts: Self.facts(recipe, record, card), source: ("Recipe", recipe.text))
  }

  func html() -> String { page.html() }

  private static func series(_ records: [EpochRecord]) -> [Summary.Series] {
    func curve(_ chart: String, _ name: String, _ y: String, _ value: (EpochRecord) -> Double?) -> Summary.Series {
      Summary.Series(
        chart: chart, name: name, x: "epoch", y: y,
        points: records.compactMap { record in value(record).map { Summary.Point(Double(record.epoch), $0) } })
    }
    let terms = records.first?.noise ?? []
    return [
      curve("Loss", "training", "loss", \.loss),
      curve("Accuracy", "training", "accuracy", \.accuracy),
      curve("Accuracy", "validation", "accuracy", \.validationAccuracy),
      curve("Error", "training", "root-mean-square error", \.error),
      curve("Error", "validation", "root-mean-square error", \.validationError),
      curve("Learning rate", "rate", "rate", \.rate),
      curve("Gradient", "norm", "Euclidean norm", \.gradientNorm),
    ]
      + terms.enumerated().map { at, term in
        curve("Noise in force", "\(at + 1): \(term.term)", "sigma or rate") {
          $0.noise.indices.contains(at) ? $0.noise[at].strength : nil
        }
      }
  }

  private static func lead(_ recipe: Recipe, _ records: [EpochRecord], _ card: TrainRun.Card?) -> String {
    guard let card else { return "Stopped behind \(records.count) of \(recipe.epochs) epochs." }
    let quality =
      card.test.accuracy.map { "right on \(percent($0)) of the test part" }
      ?? card.test.rootMeanSquaredError.map { "a root-mean-square error of \(number($0)) on the test part" } ?? ""
    let kept = card.keptEpoch.map { "; the weights are those of epoch \($0), the best in validation" } ?? ""
    return "\(card.epochs) of \(recipe.epochs) epochs: \(quality)\(kept)."
  }

  private static func facts(_ recipe: Recipe, _ record: RunRecord, _ card: TrainRun.Card?) -> [(
    name: String, value: String
  )] {
    var facts = [(name: "Data", value: recipe.data)]
    if let card {
      facts += [
        ("Training examples", "\(card.trainingExamples)"), ("Parameters", "\(card.parameters)"),
        ("Model digest", card.digest),
      ]
      if let found = card.validationAccuracy { facts.append(("Validation accuracy", percent(found))) }
      if let found = card.validationError { facts.append(("Validation error", number(found))) }
      if let views = card.views { facts.append(("Looks at a picture", "\(views)")) }
      if let found = card.testWithoutViews?.accuracy { facts.append(("Test accuracy by one look", percent(found))) }
      if let found = card.testWithoutViews?.rootMeanSquaredError {
        facts.append(("Test error by one look", number(found)))
      }
      if let found = card.test.noisyAccuracy { facts.append(("Test accuracy with its noise", percent(found))) }
      if let found = card.test.noisyRootMeanSquaredError { facts.append(("Test error with its noise", number(found))) }
    }
    for (at, sitting) in record.sittings.enumerated() {
      let machine = [sitting.processor, sitting.instructions, "\(sitting.cores) cores"].compactMap { $0 }
      facts += [
        ("Sitting \(at + 1)", "\(sitting.began), after \(sitting.afterEpochs) epochs, \(sitting.threads) threads"),
        ("Machine", machine.joined(separator: ", ")),
        ("Software", "\(sitting.software), Swift \(sitting.swift), \(sitting.system)"),
      ]
    }
    return facts
  }

  private static func percent(_ share: Double) -> String { String(format: "%.2f %%", 100 * share) }
  private static func number(_ value: Double) -> String { String(format: "%.4g", value) }
}
