import DitherBasics
import DitherInference
import DitherTensor
import Foundation

/// A model's loss around its weights, which the probes of weights share: on those examples of a batch that it answers.
/// The others count as wrong, and have no loss.
struct WeightLandscape {
  let curvature: Curvature
  private let batch: ProbeBatch

  init(_ given: ProbeBatch, _ predictor: DeployedPredictor) throws {
    let batch = try given.answered(by: predictor), model = predictor.model
    self.batch = batch
    curvature = try Curvature(model.graph, inputs: model.signature.normalized(batch.inputs), labels: batch.labels)
  }

  var start: [Float] { curvature.start }

  /// Weights of layers: the parameters that have more than one axis. Biases and normalizations have one.
  var weights: [Curvature.Parameter] { curvature.parameters.filter { $0.shape.rank > 1 && $0.shape.count > 1 } }

  func evaluate(_ parameters: [Float], wantsGradient: Bool = false) throws -> Curvature.Evaluation {
    try batch.proceed()
    return curvature.evaluate(parameters, wantsGradient: wantsGradient)
  }

  func product(_ vector: [Float]) throws -> [Float] {
    try batch.proceed()
    return try curvature.hessianProduct(vector)
  }
}

extension ProbeBatch {
  /// The part of its examples that the mean weights have an answer to.
  func answered(by predictor: DeployedPredictor) throws -> ProbeBatch {
    let answers = try predictor.withoutNoise.labels(of: self)
    let rows = answers.indices.filter { answers[$0] != Label.none }
    guard !rows.isEmpty else {
      throw RobustnessError(
        .data, at: "example \(identities.first ?? 0) and those after it", expected: "a finite answer to one of them",
        got: "NaN or infinity")
    }
    return rows.count == labels.count ? self : self.rows(at: rows)
  }
}

package enum Vectors {
  package static func dot(_ a: [Float], _ b: [Float]) -> Double {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        var sum = 0.0
        for i in a.indices { sum += Double(a[i]) * Double(b[i]) }
        return sum
      }
    }
  }
  package static func length(_ a: [Float]) -> Double { dot(a, a).squareRoot() }
  /// a + factor · b.
  package static func add(_ a: [Float], _ factor: Double, _ b: [Float]) -> [Float] {
    zip(a, b).map { Float(Double($0) + factor * Double($1)) }
  }
  package static func scaled(_ a: [Float], _ factor: Double) -> [Float] { a.map { Float(Double($0) * factor) } }
}

/// Lists as people write them: `0.01;0.02;0.05`.
enum NumberList {
  static func parse(_ text: String, _ field: String, in range: ClosedRange<Double>) throws(RobustnessError) -> [Double]
  {
    let words = text.split(whereSeparator: { $0 == ";" || $0 == " " })
    var result: [Double] = []
    for word in words {
      guard let value = Double(word), range.contains(value) else {
        throw RobustnessError(
          .parameter, at: field, expected: "numbers from \(range.lowerBound) to \(range.upperBound), with ; between",
          got: "'\(String(word).clipped())'")
      }
      result.append(value)
    }
    guard (1...64).contains(result.count) else {
      throw RobustnessError(.parameter, at: field, expected: "1 to 64 numbers", got: "\(result.count)")
    }
    return result
  }
}
