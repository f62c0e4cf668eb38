import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// What a model answers, by its output and by what its file says.
@Suite("Tasks")
struct ModelTaskTests {
  enum Form: String, CaseIterable, Sendable { case column, row, sigmoid, complement, wide, four }

  /// w · x as [batch, 1], as [batch], its sigmoid, one less that, or several values.
  private static func graph(_ form: Form, _ metadata: [String: String] = [:], sigma: Float? = nil) throws -> Graph {
    func op(_ type: String) throws -> any OnnxOp {
      try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(OnnxNode(name: type, type: type, opset: 17))
    }
    let builder = GraphBuilder(name: "\(form)"), x = builder.input("x", [4])
    let width = form == .wide ? 3 : form == .four ? 4 : 1
    var y = try builder.dense(x, builder.parameter("w", .random([width, 4], seed: 2)), nil, name: "fc")
    if form == .sigmoid || form == .complement { y = try builder.sigmoid(y) }
    if form == .complement {
      y = try builder.apply(op("Sub"), [builder.constant(.float(Tensor([], [1]))), y])[0]
    }
    if form == .row { y = try builder.apply(op("Squeeze"), [y, builder.constant(.int64([1], [1]))])[0] }
    var graph = builder.finish(outputs: [("y", y)])
    graph.metadata = metadata
    if let sigma { graph.noise = NoiseModel([.init(.weights, sigma: sigma)]) }
    return graph
  }

  private static func score(_ inputs: Tensor, _ row: Int) -> Double {
    zip(inputs.row(row), Tensor.random([1, 4], seed: 2).elements).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
  }

  @Test("a sigmoid that is written out is a probability too, and a score without bounds is a logit")
  func writtenOut() throws {
    func op(_ type: String) throws -> any OnnxOp {
      try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(OnnxNode(name: type, type: type, opset: 17))
    }
    let inputs = Tensor.random([6, 4], seed: 3)
    for isWhole in [true, false] {
      let builder = GraphBuilder(name: "written out"), x = builder.input("x", [4])
      var y = try builder.dense(x, builder.parameter("w", .random([1, 4], seed: 2)), nil, name: "fc")
      if isWhole {
        let one = builder.constant(.float(Tensor([], [1])))
        y = try builder.apply(op("Exp"), [builder.apply(op("Neg"), [y])[0]])[0]
        y = try builder.apply(op("Div"), [one, builder.apply(op("Add"), [one, y])[0]])[0]
      }
      var graph = builder.finish(outputs: [("y", y)])
      graph.metadata["dither.task"] = "binary"
      let model = try Model(graph)
      let predictions = try MonteCarloPredictor(model).predict(inputs, Sampling(.samples(0), seed: 1)).predictions
      for (row, prediction) in predictions.enumerated() {
        #expect(abs(prediction.mean[1] - 1 / (1 + exp(-Self.score(inputs, row)))) < 1e-5, "\(isWhole), row \(row)")
      }
    }
  }

  struct Row: Sendable {
    var form: Form, metadata: [String: String], task: ModelTask, basis: TaskBasis
    init(_ form: Form, _ task: ModelTask, _ basis: TaskBasis) { self.init(form, [:], task, basis) }
    init(_ form: Form, _ metadata: [String: String], _ task: ModelTask, _ basis: TaskBasis) {
      (self.form, self.metadata, self.task, self.basis) = (form, metadata, task, basis)
    }
  }

  @Test(
    "the file's word counts, and else the form of the output; how it was told is said",
    arguments: [
      Row(.column, .regression(width: 1), .number), Row(.row, .regression(width: 1), .number),
      Row(.sigmoid, .binary, .sigmoid), Row(.complement, .binary, .sigmoid),
      Row(.wide, .classification(classes: 3), .columns),
      Row(.column, ["dither.task": "binary"], .binary, .metadata),
      Row(.column, ["dither.output_kind": "logits"], .binary, .outputKind),
      Row(.row, ["dither.output_kind": "probabilities"], .binary, .outputKind),
      Row(.sigmoid, ["dither.task": "regression"], .regression(width: 1), .metadata),
      Row(.wide, ["dither.task": "regression"], .regression(width: 3), .metadata),
      Row(.four, ["dither.task": "gaussian_regression"], .gaussian(width: 2), .metadata),
    ])
  func tasks(_ row: Row) throws {
    let model = try Model(Self.graph(row.form, row.metadata)), signature = model.signature
    #expect(signature.task == row.task && signature.taskBasis == row.basis)
    #expect((signature.taskBasis.note == nil) == (row.basis == .metadata))
    #expect(signature.taskBasis.note?.contains("dither.task") ?? true)
    // The model's graph is the same model, in a file too.
    let again = try Model(onnx: model.graph.onnx())
    let inputs = Tensor.random([3, 4], seed: 3)
    #expect(try again.signature.task == row.task && again.outputs(inputs) == model.outputs(inputs))
    #expect(try model.outputs(inputs).shape == [3, row.task.outputWidth])
  }

  @Test(
    "a word that is no task, or that the output does not fit, is refused",
    arguments: [
      (Form.column, ["dither.task": "regresion"], "did you mean 'regression'"),
      (.column, ["dither.task": "classification"], "[batch, classes ≥ 2]"),
      (.wide, ["dither.task": "binary"], "[batch, 1]"),
      (.wide, ["dither.task": "gaussian_regression"], "means and log-variances"),
      (.sigmoid, ["dither.task": "regression", "dither.output_kind": "probabilities"], "'probabilities'"),
      (.column, ["dither.labels": "[\"a\", \"b\"]"], "1 label names"),
    ] as [(Form, [String: String], String)])
  func refused(_ form: Form, _ metadata: [String: String], _ words: String) throws {
    let error = #expect(throws: InferenceError.self) { try Model(Self.graph(form, metadata)) }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }

  @Test(
    "one score is answered as two classes by its sigmoid, from the logit behind it",
    arguments: [
      (Form.column, ["dither.task": "binary"], 1.0), (.row, ["dither.output_kind": "logits"], 1), (.sigmoid, [:], 1),
      (.complement, [:], -1),
    ] as [(Form, [String: String], Double)])
  func binary(_ form: Form, _ metadata: [String: String], _ sign: Double) throws {
    let model = try Model(Self.graph(form, metadata)), inputs = Tensor.random([5, 4], seed: 3)
    let found = try MonteCarloPredictor(model).predict(inputs, .deterministic).predictions
    for (row, prediction) in found.enumerated() {
      let p = 1 / (1 + exp(-sign * Self.score(inputs, row)))
      #expect(abs(prediction.mean[1] - p) < 1e-6 && abs(prediction.mean[0] - (1 - p)) < 1e-6)
      #expect(prediction.label == (p > 0.5 ? 1 : 0))
      #expect(prediction[EpistemicVariance.self] == nil && prediction[PredictiveEntropy.self] != nil)
    }
    #expect(model.signature.outputKind == .logits && model.signature.classes == 2)
    // The formula's constants are no weights.
    #expect(model.graph.parameters.count == 1)
    // Far from the boundary the sigmoid is 0 or 1 in single precision, and the loss has a slope still.
    let weights = Tensor.random([1, 4], seed: 2).elements
    let far = try model.lossGradient(
      Tensor([1, 4], weights.map { 60 * Float(sign) * $0 }), loss: .crossEntropy, targets: [0])
    #expect(far.losses[0] > 10 && far.gradient.elements.contains { $0 != 0 })
  }

  @Test("a probability from no sigmoid, and its logarithm, are answered as they are")
  func bareProbability() throws {
    let builder = GraphBuilder(name: "bare"), x = builder.input("x", [1])
    let y = try builder.dense(x, builder.parameter("w", Tensor([1, 1], [1])), nil)
    var graph = builder.finish(outputs: [("p", y)])
    graph.metadata = ["dither.task": "binary"]
    for (kind, value, p) in [
      ("probabilities", 0.2, 0.2), ("log_probabilities", log(0.2), 0.2), ("probabilities", 0, 0),
    ] {
      graph.metadata["dither.output_kind"] = kind
      let found = try MonteCarloPredictor(Model(graph)).predict(Tensor([1, 1], [Float(value)]), .deterministic)
      #expect(abs(found.predictions[0].mean[1] - p) < 1e-6, "\(kind)")
    }
  }

  @Test("noise that lands on the sigmoid's output is not lost behind its logit")
  func noisySigmoid() throws {
    var graph = try Self.graph(.sigmoid)
    graph.noise = NoiseModel([.init(.activations, sigma: 0.02)])
    let inputs = Tensor([1, 4], [0.1, 0.2, -0.1, 0])
    let found = try MonteCarloPredictor(Model(graph)).predict(inputs, Sampling(.samples(2000), seed: 1))
    let deviation = try #require(found.predictions[0][StandardDeviation.self])
    #expect(abs(deviation[1] / 0.02 - 1) < 0.1)
  }

  @Test("a regression answers with its values, how far draws of noise spread them, and no class")
  func regression() throws {
    let model = try Model(Self.graph(.wide, ["dither.task": "regression"], sigma: 0.1))
    let inputs = Tensor([1, 4], [1, 2, 0, -1])
    let answer = try MonteCarloPredictor(model).predict(
      inputs, Sampling(.samples(4000), seed: 5, quantiles: [0.025, 0.5, 0.975]))
    let prediction = answer.predictions[0], plain = try model.outputs(inputs).elements
    #expect(prediction.label == nil && prediction.hasAnswer)
    #expect(
      prediction.measurements.map(\.name) == [
        "std", "epistemic_variance", "interval_lower", "interval_upper", "standard_error",
      ])
    // σ ‖x‖ of every value.
    let sigma = 0.1 * 6.0.squareRoot(), deviations = try #require(prediction[StandardDeviation.self])
    let lower = try #require(prediction[IntervalLower.self]), upper = try #require(prediction[IntervalUpper.self])
    for value in 0..<3 {
      #expect(abs(prediction.mean[value] - Double(plain[value])) < 5 * sigma / 4000.squareRoot())
      #expect(abs(deviations[value] / sigma - 1) < 0.08)
      #expect(abs((upper[value] - lower[value]) / (2 * 1.96 * sigma) - 1) < 0.1)
      #expect(lower[value] == prediction.quantiles[0][value] && upper[value] == prediction.quantiles[2][value])
    }
    let single = try MonteCarloPredictor(model).predict(inputs, .deterministic).predictions[0]
    #expect(single.measurements.isEmpty && single.mean == plain.map(Double.init))
  }

  @Test("a Gaussian head answers with means, both variances, and an interval of their mixture")
  func gaussian() throws {
    let model = try Model(Self.graph(.four, ["dither.task": "gaussian_regression"], sigma: 0.1))
    let inputs = Tensor([1, 4], [1, 2, 0, -1]), plain = try model.outputs(inputs).elements.map(Double.init)
    let single = try MonteCarloPredictor(model).predict(inputs, .deterministic).predictions[0]
    #expect(single.measurements.map(\.name) == ["aleatoric_variance", "interval_lower", "interval_upper"])
    for value in 0..<2 {
      let deviation = exp(plain[2 + value] / 2)
      #expect(single.mean[value] == plain[value])
      #expect(abs(single[AleatoricVariance.self]?[value] ?? 0 - deviation * deviation) > 0)
      #expect(abs((single[IntervalUpper.self]?[value] ?? 0) - (plain[value] + 1.959963984540054 * deviation)) < 1e-9)
      #expect(abs((single[IntervalLower.self]?[value] ?? 0) - (plain[value] - 1.959963984540054 * deviation)) < 1e-9)
    }
    let drawn = try MonteCarloPredictor(model).predict(inputs, Sampling(.samples(4000), seed: 5)).predictions[0]
    let epistemic = try #require(drawn[EpistemicVariance.self]), noise = 0.01 * 6
    let aleatoric = try #require(drawn[AleatoricVariance.self])
    for value in 0..<2 {
      #expect(abs(epistemic[value] / noise - 1) < 0.15)
      // The mean of a lognormal: exp(μ + σ²/2).
      #expect(abs(aleatoric[value] / exp(plain[2 + value] + noise / 2) - 1) < 0.05)
      let width = (drawn[IntervalUpper.self]?[value] ?? 0) - (drawn[IntervalLower.self]?[value] ?? 0)
      #expect(abs(width / (2 * 1.96 * (epistemic[value] + aleatoric[value]).squareRoot()) - 1) < 0.05)
    }
  }

  @Test("a variance without bound is no answer")
  func infiniteVariance() throws {
    let builder = GraphBuilder(name: "wild"), x = builder.input("x", [1])
    let y = try builder.dense(x, builder.parameter("w", Tensor([2, 1], [1, 1000])), nil)
    var graph = builder.finish(outputs: [("y", y)])
    graph.metadata = ["dither.task": "gaussian_regression"]
    let found = try MonteCarloPredictor(Model(graph)).predict(Tensor([2, 1], [0.1, 100]), .deterministic)
    #expect(found.predictions.map(\.hasAnswer) == [true, false])
  }

  @Test("questions about classes are refused of a regression, by what is asked")
  func questions() throws {
    let model = try Model(Self.graph(.column)), inputs = Tensor.random([50, 4], seed: 1)
    let labels = [Int](repeating: 0, count: 50)
    for ask: () throws -> Void in [
      { try model.signature.check(labels: [0], rows: 1) },
      { _ = try model.lossGradient(inputs, loss: .crossEntropy, targets: labels) },
      { _ = try model.labelCounts(rows: 0..<3) { row, _ in row.update(repeating: 0) } },
      { _ = try Curvature(model.graph, inputs: inputs, labels: labels) },
      { _ = try ModelCalibration(fitting: model, inputs: inputs, labels: labels, samples: 0, seed: 1) },
      { _ = try Model(ensemble: [model, model]) },
    ] {
      let error = #expect(throws: InferenceError.self) { try ask() }
      #expect(error?.code == .notAClassifier && error?.advice?.contains("dither.task") == true)
    }
  }

  @Test("draws that do not fit the rows are refused")
  func draws() throws {
    let model = try Model(Self.graph(.wide, sigma: 0.1)), inputs = Tensor.random([2, 4], seed: 1)
    for draws in [NoiseDraws(0..<0, seeds: [1, 2]), NoiseDraws(0..<3, seeds: [1]), NoiseDraws(0..<3, seeds: [])] {
      #expect(throws: InferenceError.self) { try model.sampledOutputs(inputs, draws) }
      #expect(throws: InferenceError.self) {
        try model.lossGradient(inputs, loss: .crossEntropy, targets: [0, 1], draws: draws)
      }
    }
    #expect(throws: InferenceError.self) { try model.lossGradient(inputs, loss: .difference, targets: [0, 1]) }
    #expect(throws: InferenceError.self) {
      try model.lossGradient(inputs, loss: .difference, targets: [0, 1], aims: [1, 3])
    }
  }
}
