import DitherBasics
import DitherGraph
import DitherTensor
import Foundation

/// The kind that a classifier's outputs look like where its nodes leave open what they are: it is tried on inputs of
/// noughts, of ones and of random numbers of several sizes. Probabilities are from 0 to 1 and add up to 1 on all of
/// them, as no logits do.
struct OutputTrial {
  private let signature: ModelSignature
  private let precision: Plan.Precision

  init(_ signature: ModelSignature, _ precision: Plan.Precision) {
    self.signature = signature
    self.precision = precision
  }

  /// How far a sum, or a number, may be off.
  private static let tolerance = 1e-4
  /// Answers that are no numbers say nothing: of so many others at least.
  private static let leastAnswers = 4

  /// The likeliest to tell first: most models are done with after one pass.
  private static let fills: [@Sendable (UnsafeMutableBufferPointer<Float>) -> Void] = [
    { NoiseAddress(seed: 1).uniforms($0) },
    { normals($0, seed: 2, scale: 1) },
    { $0.update(repeating: 0) },
    { $0.update(repeating: 1) },
    { normals($0, seed: 3, scale: 4) },
    { NoiseAddress(seed: 4).uniforms($0) },
    { normals($0, seed: 5, scale: 0.1) },
    { normals($0, seed: 6, scale: 16) },
  ]

  private static func normals(_ out: UnsafeMutableBufferPointer<Float>, seed: UInt64, scale: Float) {
    NoiseAddress(seed: seed).normals(out)
    for i in out.indices { out[i] *= scale }
  }

  /// - Throws: where they are not what the signature has of the file, on one of the inputs.
  func confirm(_ plans: PlanCache, proceed: () throws -> Void) throws {
    let kind = signature.outputKind
    for fill in Self.fills {
      guard let row = try answer(fill, plans, proceed), !fits(row, kind, within: 1e-2) else { continue }
      throw InferenceError(
        .notAModel, at: "output '\(signature.outputName.clipped())'",
        expected: "\(kind.rawValue), as '\(ModelSignature.outputKindKey)' or the request says",
        got: "\(row.prefix(8))", advice: "leave it out, or say what the numbers are")
    }
  }

  /// - Returns: nil: they look like neither probabilities nor their logarithms.
  func kind(_ plans: PlanCache, proceed: () throws -> Void) throws -> OutputKind? {
    // One score below 0 on all of them may well be a logit.
    var open: Set<OutputKind> = signature.outputWidth == 1 ? [.probabilities] : [.probabilities, .logProbabilities]
    var answers = 0
    for fill in Self.fills where !open.isEmpty {
      guard let row = try answer(fill, plans, proceed) else { continue }
      answers += 1
      open = open.filter { fits(row, $0, within: Self.tolerance) }
    }
    return answers >= Self.leastAnswers ? open.first : nil
  }

  /// The output of one row; nil where it is no numbers.
  private func answer(
    _ fill: (UnsafeMutableBufferPointer<Float>) -> Void, _ plans: PlanCache, _ proceed: () throws -> Void
  ) throws -> [Float]? {
    try proceed()
    return try plans.withPlan(Plan.Options(rows: 1, precision: precision)) { plan in
      let numbers = Tensor(writing: Shape([1] + signature.inputShape.dimensions), fill)
      signature.load(signature.trialRows(numbers), 0..<1, into: plan.inputs)
      plan.forward()
      let row = Array(plan.output().prefix(signature.outputWidth))
      return row.count == signature.outputWidth && !row.contains(where: \.isNaN) ? row : nil
    }
  }

  /// Whether numbers of a row are of that kind. One number a row is the probability of one of two classes.
  private func fits(_ row: [Float], _ kind: OutputKind, within tolerance: Double) -> Bool {
    let shares = row.map { kind == .logProbabilities ? exp(Double($0)) : Double($0) }
    return shares.allSatisfy { (-tolerance...1 + tolerance).contains($0) }
      && (row.count == 1 || abs(shares.reduce(0, +) - 1) < tolerance)
  }
}
