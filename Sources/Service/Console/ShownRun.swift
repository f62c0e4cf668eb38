import DitherBasics
import DitherReports
import DitherRobustness
import Foundation

/// A run's record, as far as a page shows it: `run.json`, `recipe.yml` and `log.jsonl` in its folder.
struct ShownRun {
  private struct Head: Decodable {
    struct Sitting: Decodable {
      var began: String
      var afterEpochs: Int
      var software: String
      var processor: String?
      var threads: Int
    }
    var name: String
    var seed: UInt64
    var sittings: [Sitting]
    var finished: String?
  }
  /// A line of the log.
  private struct Epoch: Decodable {
    struct Noise: Decodable {
      var term: String
      var strength: Double
    }
    var epoch: Int
    var loss: Double
    var accuracy: Double?
    var error: Double?
    var validationAccuracy: Double?
    var validationError: Double?
    var rate: Double
    var noise: [Noise]
    var gradientNorm: Double
  }

  private let path: String
  private let head: Head

  /// Bytes of `run.json`, of a recipe, of a log, and of the log's end that has the last epoch.
  private static let mostHead = 256 << 10, mostRecipe = 64 << 10, mostLog = 8 << 20, end = 16 << 10
  /// Points of a curve: more would make a page of more than 100 kB.
  private static let mostPoints = 48

  /// - Parameter path: the run's folder.
  /// - Returns: nil where its head is none.
  init?(_ path: String) {
    guard let bytes = BoundedFile.read(path + "/run.json", most: Self.mostHead),
      let head = try? Self.decoder.decode(Head.self, from: Data(bytes))
    else { return nil }
    (self.path, self.head) = (path, head)
  }

  var title: String { "\(head.name.clipped(to: 64)), seed \(head.seed)" }
  var standing: String { head.finished.map { "finished \($0.clipped(to: 32))" } ?? "not finished" }

  /// The last epoch's figures, in a few words.
  var last: String {
    let lines = BoundedFile.tail(path + "/log.jsonl", Self.end).map(Self.epochs) ?? []
    guard let last = lines.last else { return "no epoch yet" }
    return "epoch \(last.epoch), loss \(Self.number(last.loss))\(Self.quality(last))"
  }

  private static func quality(_ epoch: Epoch) -> String {
    if let share = epoch.validationAccuracy { return ", validation \(percent(share))" }
    if let share = epoch.accuracy { return ", accuracy \(percent(share))" }
    return (epoch.validationError ?? epoch.error).map { ", error \(number($0))" } ?? ""
  }

  /// Curves by epoch, with the recipe below them.
  func page(links: [PageLink]) -> String {
    let all = BoundedFile.read(path + "/log.jsonl", most: Self.mostLog).map(Self.epochs) ?? []
    let step = max((all.count + Self.mostPoints - 1) / Self.mostPoints, 1)
    let shown = all.enumerated().filter { $0.offset % step == 0 || $0.offset == all.count - 1 }.map(\.element)
    let recipe = BoundedFile.read(path + "/recipe.yml", most: Self.mostRecipe)
    var page = CurvesPage(
      eyebrow: "Training", title: title,
      lead: "\(standing.prefix(1).uppercased() + standing.dropFirst()); \(last)."
        + (step > 1 ? " Of \(all.count) epochs one in \(step) is drawn." : ""),
      series: Self.series(shown), facts: facts,
      source: ("Recipe", recipe.map { String(decoding: $0, as: UTF8.self) } ?? "none is kept"))
    page.links = links
    return page.html()
  }

  private var facts: [(name: String, value: String)] {
    head.sittings.suffix(Self.mostSittings).enumerated().flatMap { at, sitting -> [(name: String, value: String)] in
      let time = "\(sitting.began), after \(sitting.afterEpochs) epochs, \(sitting.threads) threads"
      return [
        (name: "Sitting \(at + 1)", value: time.clipped()), (name: "Software", value: sitting.software.clipped()),
        (name: "Processor", value: (sitting.processor ?? "not known").clipped()),
      ]
    }
  }
  private static let mostSittings = 8
  /// Terms of noise with a curve.
  private static let mostTerms = 8

  private static func series(_ epochs: [Epoch]) -> [Summary.Series] {
    func curve(_ chart: String, _ name: String, _ y: String, _ value: (Epoch) -> Double?) -> Summary.Series {
      Summary.Series(
        chart: chart, name: name, x: "epoch", y: y,
        points: epochs.compactMap { epoch in value(epoch).map { Summary.Point(Double(epoch.epoch), $0) } })
    }
    let terms = (epochs.first?.noise ?? []).prefix(mostTerms)
    return [
      curve("Loss", "training", "loss", \.loss), curve("Accuracy", "training", "accuracy", \.accuracy),
      curve("Accuracy", "validation", "accuracy", \.validationAccuracy),
      curve("Error", "training", "root-mean-square error", \.error),
      curve("Error", "validation", "root-mean-square error", \.validationError),
      curve("Learning rate", "rate", "rate", \.rate), curve("Gradient", "norm", "Euclidean norm", \.gradientNorm),
    ]
      + terms.enumerated().map { at, term in
        curve("Noise in force", "\(at + 1): \(term.term.clipped(to: 60))", "sigma or rate") {
          $0.noise.indices.contains(at) ? $0.noise[at].strength : nil
        }
      }
  }

  /// Lines that can be read: the first of a log's end may be cut.
  private static func epochs(_ bytes: [UInt8]) -> [Epoch] {
    bytes.split(separator: UInt8(ascii: "\n")).compactMap { try? decoder.decode(Epoch.self, from: Data($0)) }
  }

  private static var decoder: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }

  private static func number(_ value: Double) -> String { String(format: "%.4g", value) }
  private static func percent(_ share: Double) -> String { String(format: "%.2f %%", 100 * share) }
}
