import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// What a model's outputs are, where its nodes leave it open or where it is said.
@Suite("Trials of outputs")
struct OutputTrialTests {
  private func op(_ type: String, _ attributes: [String: OnnxAttribute] = [:]) throws -> any OnnxOp {
    try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(
      OnnxNode(name: type, type: type, opset: 17, attributes: attributes, presentInputs: [true]))
  }

  /// Logits of 3 classes, then what `tail` appends.
  private func graph(scale: Float = 1, _ tail: (GraphBuilder, Value) throws -> Value) throws -> Graph {
    let builder = GraphBuilder(name: "net"), x = builder.input("x", [5])
    let weights = Tensor.random([3, 5], seed: 2, from: -scale, to: scale)
    let z = try builder.dense(x, builder.parameter("w", weights), builder.parameter("b", Tensor([3], [0, 0.5, 1])))
    return builder.finish(outputs: [("y", try tail(builder, z))])
  }

  /// Of a softmax through a matrix whose rows add up to 1: a confusion of labels.
  private func confused() throws -> Graph {
    try graph { builder, z in
      let confusion = Tensor([3, 3], [0.8, 0.1, 0.1, 0.05, 0.9, 0.05, 0.2, 0.2, 0.6])
      return try builder.apply(op("MatMul"), [builder.softmax(z), builder.parameter("t", confusion)])[0]
    }
  }

  @Test("outputs that always add up to 1 are probabilities, and are served as they are")
  func probabilities() throws {
    let graph = try confused(), model = try Model(graph)
    #expect(try graph.outputKind(of: graph.outputs[0].value) == nil)
    #expect(model.signature.outputKind == .probabilities)
    // What the trial found goes with the graph.
    #expect(try ModelSignature(model.graph).outputKind == .probabilities)
    let inputs = Tensor.random([20, 5], seed: 3, from: -2, to: 2), outputs = try model.outputs(inputs)
    let served = model.signature.meanProbabilities(outputs, rows: 20)
    for row in 0..<20 {
      for (p, own) in zip(served[row], outputs.row(row)) { #expect(p == Double(own)) }
    }
  }

  @Test("a trial ends between its passes when it is told to")
  func interrupted() throws {
    struct Over: Error {}
    var calls = 0
    _ = try Model(confused(), proceed: { calls += 1 })
    #expect(calls > 3)
    let bytes = try confused().onnx()
    for last in 0..<calls {
      var left = last
      #expect(throws: Over.self) {
        try Model(
          onnx: bytes,
          proceed: {
            if left == 0 { throw Over() }
            left -= 1
          })
      }
    }
  }

  @Test("the logarithms of what always adds up to 1 are those of probabilities")
  func logarithms() throws {
    let graph = try confused()
    let builder = GraphBuilder(), x = builder.input("x", [5])
    let p = try builder.replay(graph, on: [x], prefix: "")[0]
    let model = try Model(builder.finish(outputs: [("y", builder.apply(op("Log"), [p])[0])]))
    #expect(model.signature.outputKind == .logProbabilities)
    let inputs = Tensor.random([8, 5], seed: 3, from: -2, to: 2)
    let served = model.signature.meanProbabilities(try model.outputs(inputs), rows: 8)
    let own = try Model(graph).outputs(inputs)
    for row in 0..<8 { for (p, q) in zip(served[row], own.row(row)) { #expect(abs(p - Double(q)) < 1e-6) } }
  }

  @Test("logits are logits, small ones too", arguments: [0, 1e-3, 1, 30] as [Float])
  func logits(_ scale: Float) throws {
    #expect(try Model(graph(scale: scale) { _, z in z }).signature.outputKind == .logits)
  }

  @Test("logits that add up to 1 between 0 and 1 alone are told by inputs from elsewhere")
  func onlyInTheBox() throws {
    let builder = GraphBuilder(name: "line"), x = builder.input("x", [1])
    let w = builder.parameter("w", Tensor([2, 1], [1, -1])), b = builder.parameter("b", Tensor([2], [0, 1]))
    let model = try Model(builder.finish(outputs: [("y", try builder.dense(x, w, b))]))
    #expect(model.signature.outputKind == .logits)
  }

  @Test("what is said counts more than what the nodes tell", arguments: OutputKind.allCases)
  func said(_ kind: OutputKind) throws {
    var graph = try confused()
    graph.metadata[ModelSignature.outputKindKey] = kind.rawValue
    #expect(try Model(graph).signature.outputKind == kind)
  }

  @Test("what is said and the nodes do not tell is tried before it is taken from a caller or an owner")
  func contradicted() throws {
    let plain = try Model(graph { _, z in z }), mixed = try Model(confused())
    for kind in [OutputKind.probabilities, .logProbabilities] {
      #expect(throws: InferenceError.self) { try plain.puttingOut(kind) }
    }
    #expect(throws: InferenceError.self) { try mixed.puttingOut(.logProbabilities) }
    #expect(try mixed.puttingOut(.probabilities).signature.outputKind == .probabilities)
    // Any numbers can be logits.
    #expect(try mixed.puttingOut(.logits).signature.outputKindBasis == .metadata)
    // Of what the nodes tell as well there is no doubt: probabilities of classes by themselves do not add up to 1.
    let separate = try Model(graph { builder, z in try builder.sigmoid(z) })
    #expect(try separate.puttingOut(.probabilities).signature.outputKindBasis == .nodes)
    #expect(plain.signature.outputKindBasis == .assumed && mixed.signature.outputKindBasis == .trial)
  }

  @Test("one score that is said to be a probability is tried as it is, not as the logits that are made of it")
  func score() throws {
    let builder = GraphBuilder(name: "score"), x = builder.input("x", [5])
    let z = try builder.dense(x, builder.parameter("w", Tensor([1, 5], [1, -2, 3, -1, 2])), nil)
    let plain = builder.finish(outputs: [("y", z)])
    let error = #expect(throws: InferenceError.self) { try Model(plain).puttingOut(.probabilities) }
    #expect(error?.place == "output 'y'")
    let other = GraphBuilder(name: "p"), again = try other.replay(plain, on: [other.input("x", [5])], prefix: "")[0]
    // Half a sigmoid and a half: a probability of which the nodes do not tell.
    let half = try other.apply(op("Erf"), [other.apply(op("Abs"), [again])[0]])[0]
    let model = try Model(other.finish(outputs: [("y", half)])).puttingOut(.probabilities)
    #expect(model.signature.task == .binary && model.signature.classes == 2)
    _ = try model.puttingOut(.probabilities)
  }

  @Test("a word that is none of the kinds is refused with the nearest one")
  func misspelt() throws {
    var graph = try confused()
    graph.metadata[ModelSignature.outputKindKey] = "probabilites"
    let error = #expect(throws: InferenceError.self) { try ModelSignature(graph) }
    #expect(error?.description.contains("'probabilities'") == true)
  }

  @Test("probabilities of classes by themselves are divided by their sum")
  func separate() throws {
    let model = try Model(graph { builder, z in try builder.sigmoid(z) })
    #expect(model.signature.outputKind == .probabilities)
    let inputs = Tensor.random([6, 5], seed: 3, from: -2, to: 2), outputs = try model.outputs(inputs)
    for (row, p) in model.signature.meanProbabilities(outputs, rows: 6).enumerated() {
      let sum = outputs.row(row).reduce(0.0) { $0 + Double($1) }
      for (p, s) in zip(p, outputs.row(row)) { #expect(abs(p - Double(s) / sum) < 1e-12) }
    }
  }

  /// What exporters put behind a softmax.
  enum Behind: CaseIterable { case rounded, clipped, masked, thresholded, percent, bytes, twoMembers }

  private func behind(_ kind: Behind, _ builder: GraphBuilder, _ p: Value, _ z: Value) throws -> Value {
    func times(_ x: Value, _ factors: [Float]) throws -> Value {
      let factor = builder.constant(.float(Tensor(Shape([factors.count]), factors)))
      return try builder.apply(op("Mul"), [x, factor])[0]
    }
    func rounded(_ x: Value) throws -> Value { try builder.apply(op("Round"), [x])[0] }
    switch kind {
    case .rounded: return try times(rounded(times(p, [255])), [1 / 255])
    case .clipped:
      func bound(_ number: Float) -> Value { builder.constant(.float(Tensor([], [number]))) }
      return try builder.apply(op("Clip"), [p, bound(0.1), bound(0.8)])[0]
    case .masked: return try times(p, [1, 1, 0])
    case .thresholded: return try builder.apply(op("ThresholdedRelu", ["alpha": .float(0.1)]), [p])[0]
    case .percent: return try times(p, [100])
    case .bytes: return try rounded(times(p, [255]))
    case .twoMembers: return try builder.apply(op("Add"), [p, builder.softmax(times(z, [0.5]))])[0]
    }
  }

  @Test("what is behind a softmax gets no second one: the shares of its sum are served", arguments: Behind.allCases)
  func behind(_ kind: Behind) throws {
    let model = try Model(graph(scale: 2) { builder, z in try behind(kind, builder, builder.softmax(z), z) })
    #expect(model.signature.outputKind == .probabilities)
    let inputs = Tensor.random([30, 5], seed: 3, from: -2, to: 2), outputs = try model.outputs(inputs)
    for (row, served) in model.signature.meanProbabilities(outputs, rows: 30).enumerated() {
      let sum = outputs.row(row).reduce(0.0) { $0 + Double($1) }
      for (p, own) in zip(served, outputs.row(row)) { #expect(abs(p - Double(own) / sum) < 1e-3) }
      #expect(abs(served.reduce(0, +) - 1) < 1e-6)
    }
    // Attacks see logits of which a softmax makes the same.
    let logits = try model.exposingLogits(), exposed = try logits.outputs(inputs)
    let again = logits.signature.meanProbabilities(exposed, rows: 30)
    for (p, q) in zip(model.signature.meanProbabilities(outputs, rows: 30), again) {
      for (p, q) in zip(p, q) { #expect(abs(p - q) < 0.01) }
    }
  }

  @Test("logits that a function holds are logits", arguments: ["Relu", "Tanh", "Softplus", "Softsign", "HardSwish"])
  func heldLogits(_ function: String) throws {
    #expect(try Model(graph { builder, z in try builder.apply(op(function), [z])[0] }).signature.outputKind == .logits)
  }

  @Test("where every number of a row is 0, no class is likelier than another")
  func noShares() throws {
    let model = try Model(graph { builder, z in try builder.softmax(z) })
    var p = [Double](repeating: 9, count: 3)
    for temperature in [1.0, 2] {
      [Float](repeating: 0, count: 3).withUnsafeBufferPointer { z in
        p.withUnsafeMutableBufferPointer { model.signature.probabilities(z, into: $0, temperature: temperature) }
      }
      #expect(p.allSatisfy { abs($0 - 1 / 3) < 1e-12 })
    }
  }

  @Test("logits behind noisy probabilities are not taken for theirs")
  func noisyTail() throws {
    // Noise on activations lands behind the sigmoid: its logarithm, not its input, is what the noisy output stands for.
    var graph = try graph { builder, z in try builder.sigmoid(z) }
    graph.noise = NoiseModel([.init(.activations, sigma: 0.01)])
    let model = try Model(graph), exposed = try model.exposingLogits()
    let inputs = Tensor.random([4, 5], seed: 3, from: -2, to: 2), seeds = [UInt64](repeating: 7, count: 4)
    let own = try model.sampledOutputs(inputs, NoiseDraws(0..<3, seeds: seeds))
    let logits = try exposed.sampledOutputs(inputs, NoiseDraws(0..<3, seeds: seeds))
    for (p, z) in zip(own.elements, logits.elements) { #expect(abs(Double(p) - exp(Double(z))) < 1e-5) }
  }
}
