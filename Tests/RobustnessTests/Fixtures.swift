import DitherDatasets
import DitherGraph
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport

/// Answers whatever may come of arithmetic gone wrong, and what may not.
struct HostileOracle: Oracle {
  var questions = 0
  let isRandom: Bool
  private var generator: PhiloxGenerator

  init(seed: UInt64, isRandom: Bool) {
    generator = PhiloxGenerator(seed: seed)
    self.isRandom = isRandom
  }

  var random: NoiseAddress { mutating get { NoiseAddress(seed: generator.next()) } }

  mutating func ask(_ question: Question) throws -> Answer {
    let count = question.x.rowCount
    questions += count
    return Answer(
      losses: (0..<count).map { _ in nonsense() },
      gradient: question.wantsGradient ? question.x.map { _ in nonsense() } : nil,
      scores: Tensor([count, 3], (0..<count * 3).map { _ in nonsense() }),
      marginErrors: isRandom ? (0..<count).map { _ in nonsense() } : [])
  }

  private mutating func nonsense() -> Float {
    [.nan, .infinity, -.infinity, 0, 1, -1, .greatestFiniteMagnitude, .leastNonzeroMagnitude].randomElement(
      using: &generator) ?? 0
  }
}

/// Returns what it was given.
struct NullAttack: Attack {
  static let name = "null"
  static let summary = "no attack"
  func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    examples.inputs
  }
}

extension Examples {
  static func random(count: Int, seed: UInt64, classes: Int = 3) -> Examples {
    Examples(
      .random([count, 1, 4, 4], seed: seed, from: 0, to: 1),
      (0..<count).map { $0 % 2 == 0 ? .untargeted(label: $0 % classes) : .targeted(to: $0 % classes) },
      identities: (0..<count).map(UInt64.init))
  }
}

extension Ball {
  static let samples = Norm.allCases.flatMap { norm in [0, 8.0 / 255, 0.3, 2, 1e6].map { Ball(norm, epsilon: $0) } }
}

/// A model small enough to be slow nowhere: 16 inputs, 24 hidden units, 3 classes.
enum Small {
  static func model(sigma: Float = 0, seed: UInt64 = 3, normalized: Bool = false) throws -> Model {
    let builder = GraphBuilder(name: "small")
    let input = builder.input("x", [1, 4, 4])
    var x = try builder.flatten(input)
    let first = builder.parameter("w1", .random([24, 16], seed: seed, from: -0.6, to: 0.6))
    x = try builder.relu(builder.dense(x, first, builder.parameter("b1", Tensor(zeros: [24])), name: "fc1"))
    let second = builder.parameter("w2", .random([3, 24], seed: seed + 1, from: -0.6, to: 0.6))
    x = try builder.dense(x, second, builder.parameter("b2", Tensor(zeros: [3])), name: "fc2")
    var graph = builder.finish(outputs: [("logits", x)])
    if sigma > 0 { graph.noise = NoiseModel([.init(.weights, sigma: sigma)]) }
    if normalized {
      graph.metadata[ModelSignature.normalizationKey] = #"{"mean":[0.4],"deviation":[0.25]}"#
    }
    return try Model(graph)
  }

  /// Examples labeled by a model's own noise-free answers, but for every seventh.
  static func data(_ count: Int, for model: Model) throws -> AuditData {
    let inputs = Tensor.random([count, 1, 4, 4], seed: 5, from: 0, to: 1)
    let labels = try model.outputs(inputs).labels().enumerated().map { $0 % 7 == 6 ? ($1 + 1) % 3 : $1 }
    return AuditData(name: "small", inputs: inputs, labels: labels)
  }

  /// NaN where a pixel is 0: x + (x / x − x / x).
  static func fragile() throws -> Model {
    let builder = GraphBuilder(name: "fragile"), input = builder.input("x", [1, 4, 4])
    let one = try builder.divide(input, input), zero = try builder.subtract(one, one)
    let x = try builder.flatten(builder.add(input, zero))
    let weight = builder.parameter("w", .random([3, 16], seed: 2, from: -1, to: 1))
    return try Model(builder.finish(outputs: [("logits", try builder.dense(x, weight, nil, name: "fc"))]))
  }

  /// NaN where the first two pixels sum up to more than 1.2, of the operators that every probe takes: a hidden unit of infinity times 0.
  static func overflowing() throws -> Model {
    let builder = GraphBuilder(name: "overflowing"), x = try builder.flatten(builder.input("x", [1, 4, 4]))
    var first = Tensor.random([24, 16], seed: 6, from: -0.6, to: 0.6),
      second = Tensor.random([3, 24], seed: 7, from: -0.6, to: 0.6)
    first.replaceRow(0, with: ([2.8e38, 2.8e38] + [Float](repeating: 0, count: 14))[...])
    for row in 0..<3 { second.replaceRow(row, with: ([0] + second.row(row).dropFirst())[...]) }
    let bias = { (name: String, count: Int) in builder.parameter(name, Tensor(zeros: [count])) }
    let hidden = try builder.relu(
      builder.dense(x, builder.parameter("w1", first), bias("b1", 24), name: "fc1"))
    let logits = try builder.dense(hidden, builder.parameter("w2", second), bias("b2", 3), name: "fc2")
    return try Model(builder.finish(outputs: [("logits", logits)]))
  }

  /// Of any model that takes [1, 4, 4].
  static func runner(of model: Model, _ probes: [String], count: Int = 30) throws -> AuditRunner {
    let plan = try AuditPlan(
      probes: probes.map { try ProbeSpec(parsing: $0) }, seed: 4, exampleCount: count, inputShape: [1, 4, 4])
    return try AuditRunner(
      plan: plan, subject: AuditSubject(name: "small", digest: "sha256:00", model: model), data: data(count, for: model)
    )
  }

  static func runner(
    _ probes: [String], count: Int = 120, sigma: Float = 0, samples: Int = 0, baseline: Bool = false
  ) throws -> AuditRunner {
    let model = try model(sigma: sigma)
    let plan = try AuditPlan(
      probes: probes.map { try ProbeSpec(parsing: $0) }, seed: 4, samples: samples, exampleCount: count,
      inputShape: [1, 4, 4])
    return try AuditRunner(
      plan: plan, subject: AuditSubject(name: "small", digest: "sha256:00", model: model),
      others: baseline
        ? [AuditSubject(name: "other", version: 2, digest: "sha256:11", model: Small.model(seed: 8))] : [],
      data: data(count, for: model))
  }
}

/// The reference models under attack: MNIST, with PyTorch's attacks.
struct Victim {
  let model: Model
  let inputs: Tensor
  let labels: [Int]

  static let names = ["mlp", "cnn", "cnn_robust"]

  init(_ name: String, noise: NoiseModel? = nil) throws {
    var graph = try Graph(onnx: Golden.bytes("attacks/\(name)/model.onnx"))
    graph.noise = noise
    model = try Model(graph)
    let images = try Golden.npy("attacks/\(name)/images_u8_nchw.npy").tensor
    inputs = images.map { $0 / 255 }.reshaped(Shape([images.rowCount] + model.signature.inputShape.dimensions))
    labels = try Golden.npy("attacks/\(name)/labels.npy").integers()
  }

  func audit(_ probes: [String], count: Int = 200, samples: Int = 0) throws -> Report {
    let plan = try AuditPlan(
      probes: probes.map { try ProbeSpec(parsing: $0) }, seed: 1, samples: samples, exampleCount: count,
      inputShape: model.signature.inputShape)
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: "victim", digest: "sha256:00", model: model),
      data: AuditData(name: "mnist", inputs: inputs, labels: labels))
    return try runner.report(runner.runAll(threads: 2))
  }
}
