import DitherInference
import DitherTensor
import Foundation

/// Mistakes around a model that make every number of an audit wrong: a softmax upon a softmax, inputs of another range
/// than the model was trained on, answers that depend on their company. Each is measured on the first examples.
struct SanityChecks {
  /// The model's name in the checks.
  private let name: String
  private let model: Model
  private let inputs: Tensor
  private let labels: [Int]
  private let isTable: Bool
  private let isRegression: Bool

  /// Enough for a share, and a moment's work.
  private static let most = 64

  init(_ subject: AuditSubject, as name: String, _ data: AuditData) {
    self.name = name
    let count = min(data.labels.count, Self.most)
    model = subject.model
    isTable = data.features != nil
    isRegression = data.values != nil
    inputs = data.inputs.rows(0..<count).reshaped(Shape([count] + subject.model.signature.inputShape.dimensions))
    labels = Array(data.labels[..<count])
  }

  func all() throws -> [Check] {
    try (isRegression ? [] : [softmaxTwice()] + (isTable ? [] : [pixelRange()])) + [company()]
  }

  private func accuracy(_ inputs: Tensor) throws -> Double {
    let answers = try model.outputs(model.signature.normalized(inputs)).labels()
    return Double(zip(answers, labels).count { $0 == $1 }) / Double(max(labels.count, 1))
  }

  /// Logits that lie in [0, 1] on every example are probabilities, rounded or masked ones where they do not add up to
  /// 1: through another softmax their gradients all but vanish.
  private func softmaxTwice() throws -> Check {
    let outputs = try model.outputs(model.signature.normalized(inputs))
    let areShares = outputs.elements.allSatisfy { (0...1).contains($0) }
    let areWhole =
      areShares && (0..<outputs.rowCount).allSatisfy { abs(outputs.row($0).reduce(0, +) - 1) < 1e-3 }
    // Numbers that are the same for every example show nothing: those of an untrained network may be.
    let differ = (1..<max(outputs.rowCount, 1)).contains { outputs.row($0) != outputs.row(0) }
    // Where the signature knows them for probabilities, attacks follow ln p. A softmax of probabilities is flat: at
    // most e / (e + C − 1).
    let classes = Double(model.signature.classes), top = outputs.elements.max().map(Double.init) ?? 0
    let flat = M_E / (M_E + classes - 1)
    let isTwice = model.signature.givesProbabilities && areWhole && top <= flat + 1e-6
    let passed = !isTwice && (model.signature.givesProbabilities || !(areWhole || areShares && differ))
    return Check(
      check: "softmax_on_softmax", probe: name, passed: passed,
      message: passed
        ? "Its outputs are \(model.signature.givesProbabilities ? "probabilities" : "logits"), and are taken as such."
        : (isTwice
          ? "Its outputs look like a softmax of probabilities"
          : "Its outputs look like probabilities, and are said to be logits")
          + ": gradients all but vanish, and confidences mean nothing. Export the logits."
    )
  }

  /// A model that does better on inputs of another scale was trained on that.
  private func pixelRange() throws -> Check {
    let own = try accuracy(inputs)
    let scales: [(String, (Float) -> Float)] = [
      ("0 to 255", { $0 * 255 }), ("-1 to 1", { 2 * $0 - 1 }), ("light and dark exchanged", { 1 - $0 }),
    ]
    let found = try scales.map { name, change in (name, try accuracy(inputs.map(change))) }.max { $0.1 < $1.1 }
    let better = found.map { $0.1 > own + 0.1 } ?? false
    return Check(
      check: "pixel_range", probe: name, passed: !better,
      message: better
        ? "On inputs of another range (\(found?.0 ?? "")) it is right on \(Written.percent(found?.1 ?? 0)) of \(labels.count), on "
          + "these on \(Written.percent(own)). "
          + (model.signature.normalization.isIdentity
            ? "Put the normalization into the file (dither.normalisation)."
            : "The file's dither.normalisation may not be what it was trained with.")
        : "No other range of inputs does better than 0 to 1.")
  }

  /// An example's answer alone and among others.
  private func company() throws -> Check {
    let found = try model.rowDependence(on: model.signature.normalized(inputs), most: 4)
    return Check(
      check: "rows_apart", probe: name, passed: found == nil,
      message: found.map {
        "An example's answer changes by \(Written.decimal(Double($0.change))) with the others of its batch: \($0.cause)."
      } ?? "An example's answer does not depend on the others of its batch.")
  }
}
