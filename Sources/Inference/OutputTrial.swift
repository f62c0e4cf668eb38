import DitherBasics
import DitherGraph
import DitherTensor
import Foundation

/// The kind that a classifier's outputs look like where its nodes leave open what they are: it is tried on inputs of
/// noughts, of ones and of random numbers of several sizes, huge ones too. Probabilities are from 0 to 1 on all of
/// them, as no logits do that differ from input to input; they add up to 1, unless they were rounded, clipped or masked
/// behind their softmax, or are in another unit: then they stand for their shares of their sum.
struct OutputTrial {
  private let signature: ModelSignature
  private let precision: Plan.Precision

  init(_ signature: ModelSignature, _ precision: Plan.Precision) {
    self.signature = signature
    self.precision = precision
  }

  /// How far a sum, or a number, may be off.
  private static let tolerance = 1e-4
  /// How far probabilities may be off that were rounded, as to 8 bits.
  private static let roundedTolerance = 1e-2
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
    { normals($0, seed: 7, scale: 1e4) },
  ]

  private static func normals(_ out: UnsafeMutableBufferPointer<Float>, seed: UInt64, scale: Float) {
    NoiseAddress(seed: seed).normals(out)
    for i in out.indices { out[i] *= scale }
  }

  /// - Throws: where they are not what the signature has of the file, on one of the inputs.
  func confirm(_ plans: PlanCache, proceed: () throws -> Void) throws {
    let kind = signature.outputKind
    var shares = Shares()
    for fill in Self.fills {
      guard let row = try answer(fill, plans, proceed) else { continue }
      let isSo =
        kind == .probabilities && row.count > 1 ? shares.take(row) : fits(row, kind, within: Self.roundedTolerance)
      guard !isSo else { continue }
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
    var shares: Shares? = Shares()
    var answers = 0
    for fill in Self.fills where !open.isEmpty || shares != nil {
      guard let row = try answer(fill, plans, proceed) else { continue }
      answers += 1
      open = open.filter { fits(row, $0, within: Self.tolerance) }
      if shares?.take(row) == false { shares = nil }
    }
    guard answers >= Self.leastAnswers else { return nil }
    return open.first ?? (shares?.haveShown == true ? .probabilities : nil)
  }

  /// Rows of numbers that may be probabilities up to a factor of each row.
  private struct Shares {
    private var first: [Float]?
    private var differ = false
    private var areWithinOne = true
    private var sums: ClosedRange<Double>?

    /// - Returns: false where they are none.
    mutating func take(_ row: [Float]) -> Bool {
      guard row.count > 1, row.allSatisfy({ Double($0) >= -OutputTrial.tolerance && $0.isFinite })
      else { return false }
      let sum = row.reduce(0) { $0 + Double($1) }
      sums = sums.map { min($0.lowerBound, sum)...max($0.upperBound, sum) } ?? sum...sum
      areWithinOne = areWithinOne && row.allSatisfy { Double($0) <= 1 + OutputTrial.roundedTolerance }
      if let first {
        differ = differ || zip(first, row).contains { abs($0 - $1) > 1e-3 * max($0, $1) }
      } else {
        first = row
      }
      return areWithinOne || haveOneSum
    }

    /// As percentages and counts of votes have.
    private var haveOneSum: Bool {
      sums.map { $0.lowerBound > 0 && $0.upperBound < 1.02 * $0.lowerBound } ?? false
    }

    /// Numbers that are the same for every input show nothing: logits of an untrained network may be.
    var haveShown: Bool { differ && (areWithinOne || haveOneSum) }
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
