import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// Noise that is chosen on data: never worse than none where it was chosen, judged on examples that it was not.
@Suite("Noise chosen on data")
struct NoiseTuningTests {
  private static let rows = 120

  /// A classifier of three classes that is far too sure: two layers, the last with large weights; half the labels are
  /// its own answers, the others any.
  private static func classifier(dropping: Bool = false, noise: NoiseModel? = nil) throws -> Graph {
    let builder = GraphBuilder(name: "sure"), x = builder.input("x", [4])
    func weights(_ name: String, _ shape: [Int], _ scale: Float, _ seed: UInt64) -> Value {
      let numbers = NoiseAddress(seed: seed).normals(shape.reduce(1, *)).map { scale * $0 }
      return builder.parameter(name, Tensor(Shape(shape), numbers))
    }
    var y = try builder.tanh(builder.dense(x, weights("w0", [6, 4], 0.7, 1), nil, name: "fc0"))
    if dropping {
      let node = OnnxNode(name: "drop", type: "Dropout", opset: 7, attributes: ["ratio": .float(0.4)])
      y = try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: "Dropout").init(node), [y], name: "drop")[0]
    }
    var graph = builder.finish(
      outputs: [("logits", try builder.dense(y, weights("w1", [3, 6], 5, 2), nil, name: "fc1"))])
    graph.noise = noise
    return graph
  }

  private static func examples(_ graph: Graph) throws -> (Tensor, Targets) {
    let x = Tensor([rows, 4], NoiseAddress(seed: 9).normals(rows * 4))
    let own = try Model(graph.withoutNoise()).outputs(x).labels(), chance = NoiseAddress(seed: 10).uniforms(rows)
    return (x, .classes(own.enumerated().map { chance[$0] < 0.3 ? ($0 % 3) : $1 }, count: 3))
  }

  private static func options(_ candidates: [String] = [], folds: Int = 3, samples: Int = 8) throws
    -> NoiseTuning.Options
  {
    var options = try NoiseTuning.Options(candidates)
    (options.folds, options.samples, options.seed) = (folds, samples, 4)
    return options
  }

  @Test("every candidate that has a place is judged; the one that is chosen is served by the file that is written")
  func classes() throws {
    let own = NoiseModel([NoiseTerm(.weights, sigma: 0.3)]), graph = try Self.classifier(dropping: true, noise: own)
    let (x, targets) = try Self.examples(graph), options = try Self.options()
    #expect(Set(options.candidates.map { type(of: $0.candidate).name }) == Set(Catalog.candidates.names))
    let tuning = try NoiseTuning(graph, inputs: x, targets: targets, options)
    #expect(tuning.results.map(\.name) == NamedCandidate.usual)
    for result in tuning.results {
      #expect(result.held.rows == Array(0..<Self.rows) && result.held.probabilities.count == Self.rows)
      let losses = zip(result.held.probabilities, result.held.labels).map { -log($0[$1]) }
      #expect(zip(losses, result.held.losses).allSatisfy { abs($0 - $1) < 1e-4 * max($1, 1) })
      // Chosen with none among the choices.
      if !["dropout", "own"].contains(result.name) { #expect(result.fittedLoss <= tuning.plainLoss, "\(result.name)") }
    }
    let plain = try Model(graph.withoutNoise())
    let exact = plain.signature.losses(try plain.outputs(x), labels: (0..<Self.rows).map { targets[$0].label ?? 0 })
    #expect(abs(tuning.plainLoss - exact.reduce(0, +) / Double(Self.rows)) < 1e-9)
    let chosen = try #require(tuning.chosen.map { tuning.results[$0] })
    let best = tuning.results.map(\.held.negativeLogLikelihood).min()
    #expect(chosen.held.negativeLogLikelihood == best)
    #expect(chosen.held.negativeLogLikelihood < tuning.plain.negativeLogLikelihood - 0.1)

    let file = try tuning.graph.onnx(), again = try Model(onnx: file)
    #expect(again.noise != nil && again.graph.metadata[ModelSignature.samplesKey] == "8")
    let draws = NoiseDraws(0..<8, seeds: (0..<Self.rows).map { UInt64($0) })
    #expect(try again.sampledOutputs(x, draws) == Model(tuning.graph).sampledOutputs(x, draws))
    #expect(try again.outputs(x) == plain.outputs(x))
    let once = try NoiseTuning(graph, inputs: x, targets: targets, options)
    #expect(try once.graph.onnx() == file)
  }

  @Test("what the model has no place for is left out, and where nothing helps nothing is chosen")
  func plain() throws {
    let builder = GraphBuilder(name: "right"), x = builder.input("x", [2])
    let w = builder.parameter("w", Tensor([2, 2], [1, 0, 0, 1]))
    let graph = builder.finish(outputs: [("logits", try builder.dense(x, w, nil, name: "fc"))])
    // Labels as likely as the model says.
    let inputs = Tensor([400, 2], NoiseAddress(seed: 1).normals(800)), chance = NoiseAddress(seed: 2).uniforms(400)
    let labels = (0..<400).map { row -> Int in
      let z = inputs.row(row), p = 1 / (1 + exp(z[z.startIndex] - z[z.startIndex + 1]))
      return chance[row] < p ? 1 : 0
    }
    let tuning = try NoiseTuning(
      graph, inputs: inputs, targets: .classes(labels, count: 2),
      Self.options(["dropout", "own", "sigma_by_layer", "sigma"], folds: 2))
    #expect(tuning.results.map(\.name) == ["sigma"])
    if tuning.chosen == nil {
      #expect(try tuning.graph.onnx() == graph.onnx())
    } else {
      #expect(tuning.results[0].held.negativeLogLikelihood < tuning.plain.negativeLogLikelihood)
    }
  }

  @Test("of Bayesian linear regression the posterior's variance is 1 / (Σ x² / s² + δ), δ the evidence's")
  func linear() throws {
    let count = 90, width = 3, x = Tensor([count, width], NoiseAddress(seed: 6).normals(count * width))
    let noise = NoiseAddress(seed: 7).normals(count), w: [Double] = [1, -2, 0.5]
    let y = (0..<count).map { row -> Float in
      Float(zip(x.row(row), w).reduce(0.0) { $0 + Double($1.0) * $1.1 } + 0.3 * Double(noise[row]))
    }
    let builder = GraphBuilder(name: "line"), input = builder.input("x", [width])
    let weight = builder.parameter("w", Tensor([1, width], w.map(Float.init)))
    var graph = builder.finish(outputs: [("y", try builder.dense(input, weight, nil, name: "fc"))])
    graph.metadata[ModelSignature.taskKey] = "regression"
    let tuning = try NoiseTuning(
      graph, inputs: x, targets: .values(Tensor([count, 1], y)),
      Self.options(["laplace:prior=evidence", "sigma"], samples: 4))
    #expect(tuning.results.map(\.name) == ["laplace:prior=evidence", "sigma"])
    let errors = (0..<count).map { row -> Double in
      Double(y[row]) - zip(x.row(row), w).reduce(0.0) { $0 + Double($1.0) * $1.1 }
    }
    let variance = errors.reduce(0) { $0 + $1 * $1 } / Double(count)
    let curvature = (0..<width).map { i in
      (0..<count).reduce(0.0) { $0 + pow(Double(x.row($1)[x.row($1).startIndex + i]), 2) } / variance
    }
    // MacKay's fixed point, by bisection.
    func excess(_ delta: Double) -> Double {
      curvature.reduce(0) { $0 + $1 / ($1 + delta) } - delta * w.reduce(0) { $0 + $1 * $1 }
    }
    var (low, high) = (1e-9, 1e9)
    for _ in 0..<200 {
      let middle = (low * high).squareRoot()
      if excess(middle) > 0 { low = middle } else { high = middle }
    }
    let laid = try NoiseTuning.graph(graph, with: tuning.results[0].noise)
    let sigma = laid.literals.first { laid.valueNames[$0.key.index] == "w.sigma" }?.value
    guard case .float(let deviations)? = sigma else {
      Issue.record("no deviations")
      return
    }
    for (deviation, own) in zip(deviations.elements, curvature) {
      #expect(abs(Double(deviation * deviation) * (own + low) - 1) < 1e-3)
    }
    // A model without variances is judged by a normal distribution of the likeliest one.
    let exact = errors.reduce(0) { $0 + (log(2 * .pi * variance) + $1 * $1 / variance) / 2 } / Double(count)
    #expect(abs(tuning.plainLoss - exact) < 1e-4)
    #expect(tuning.results[1].fittedLoss <= tuning.plainLoss)
  }

  @Test(
    "candidates and examples that are none are refused, with the nearest word",
    arguments: [
      ("sigmas", "did you mean 'sigma'?"), ("laplace:layer=last", "did you mean 'layers'?"),
      ("laplace:layers=first", "one of all, last"), ("laplace:last", "key=value"), ("laplace:examples=-1", "0 to"),
    ])
  func refusals(_ candidate: String, _ says: String) throws {
    let graph = try Self.classifier(), (x, targets) = try Self.examples(graph)
    #expect {
      try NoiseTuning(graph, inputs: x, targets: targets, Self.options([candidate]))
    } throws: { error in
      #expect("\(error)".contains(says), "\(error)")
      return true
    }
  }

  @Test("examples that are too few, of other classes, or values are refused")
  func examplesRefused() throws {
    let graph = try Self.classifier(), (x, targets) = try Self.examples(graph), options = try Self.options(["sigma"])
    func says(_ words: String, _ inputs: Tensor, _ targets: Targets, folds: Int = 3, samples: Int = 8) throws {
      var options = options
      (options.folds, options.samples) = (folds, samples)
      #expect { try NoiseTuning(graph, inputs: inputs, targets: targets, options) } throws: { "\($0)".contains(words) }
    }
    try says("at least 40", x.rows(0..<39), targets.rows(Array(0..<39)))
    try says("a class from 0 to 2", x, .classes(Array(repeating: 3, count: Self.rows), count: 4))
    try says("a class for each row", x, .values(Tensor(zeros: [Self.rows, 1])))
    try says("2 to 20", x, targets, folds: 1)
    try says("2 to 4096", x, targets, samples: 1)
  }
}
