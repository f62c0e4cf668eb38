import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import Foundation

/// One batch through a graph: its outputs, the mean cross-entropy of the first, and the gradients of that.
struct RunSession {
  private let graph: Graph
  private let plan: Plan
  private let rows: Int
  /// Which output has the classes' scores: the first of floats [examples, classes]; exporters of classical models put
  /// labels out before it.
  private let scores: Int
  /// Where the file has a normalization of its inputs: floats and bytes mean what they do to every other command.
  private let signature: ModelSignature?

  /// - Parameters:
  ///   - inputs: by name; each float or integer array is brought to the input's element type.
  ///   - seed: of the draws of the graph's noise, the same for every row; nil: without noise.
  init(
    _ graph: Graph, inputs: [String: FileArray], gradient: Bool, precision: Plan.Precision = .float32,
    seed: UInt64? = nil
  ) throws {
    let given = try graph.sized(for: Self.rowShapes(graph, inputs))
    let graph = try seed == nil ? given : given.foldingComputedWeights() ?? given
    self.graph = graph
    signature = graph.metadata[ModelSignature.normalizationKey] == nil ? nil : try ModelSignature(graph)
    rows = try Self.rows(graph, inputs)
    let types = try graph.types(rows: rows), computed = graph.foldingNormalization()
    scores =
      graph.outputs.firstIndex {
        types[$0.value.index].map { $0.element == .float32 && $0.shape.rank == 2 } ?? false
      } ?? 0
    var options = Plan.Options(rows: rows, inputGradient: gradient, output: scores, precision: precision)
    let parameters = ParameterBuffers(computed)
    if let seed {
      options.path = .fresh
      if let fresh = try? Plan(computed, parameters: parameters, options: options) {
        plan = fresh
      } else {
        // Where an op cannot draw for each row, weights are drawn once for all.
        options.path = .explicit
        plan = try Plan(computed, parameters: parameters, options: options)
      }
      plan.seeds.update(repeating: seed)
    } else {
      plan = try Plan(computed, parameters: parameters, options: options)
    }
    for (index, input) in graph.inputs.enumerated() {
      let shape = input.shape(rows: rows)
      guard let array = inputs[input.name] else {
        throw CommandError(
          .missingOption, at: "--input", expected: "\(input.name)=FILE of shape \(shape)", got: "nothing for it")
      }
      guard array.shape == shape.dimensions || Self.isReadable(array.shape, as: input, shape) else {
        throw CommandError(.shape, at: "input '\(input.name)'", expected: "shape \(shape)", got: "\(array.shape)")
      }
      if let signature, signature.inputName == input.name {
        let x = Tensor(shape, array.inUnits)
        signature.normalized(x).elements.withUnsafeBytes { plan.inputs[index].copyMemory(from: $0) }
        continue
      }
      try Self.copy(array, as: input.element, to: plan.inputs[index], at: "input '\(input.name)'")
    }
  }

  /// Rows may be flat, and differ in axes of extent 1, as for every other command.
  private static func isReadable(_ got: [Int], as input: GraphInput, _ shape: Shape) -> Bool {
    input.dimensions.first == .some(nil) && got.first == shape.dimensions.first
      && Shape(got).row.isReadable(as: shape.row)
  }

  /// A row's shape for each input that has one; a missing one is told of later.
  private static func rowShapes(_ graph: Graph, _ inputs: [String: FileArray]) -> [Shape?] {
    graph.inputs.map { input in inputs[input.name].map { Shape(Array($0.shape.dropFirst())) } }
  }

  private static func rows(_ graph: Graph, _ inputs: [String: FileArray]) throws(CommandError) -> Int {
    for input in graph.inputs {
      guard let batch = input.dimensions.firstIndex(of: nil), let array = inputs[input.name] else { continue }
      guard array.shape.count == input.dimensions.count || batch == 0 && !array.shape.isEmpty, array.shape[batch] > 0
      else {
        throw CommandError(
          .shape, at: "input '\(input.name)'", expected: "\(input.dimensions.count) dimensions, none of them 0",
          got: "\(array.shape)")
      }
      return array.shape[batch]
    }
    return 1
  }

  private static func copy(
    _ array: FileArray, as element: ElementType, to memory: UnsafeMutableRawBufferPointer, at place: String
  ) throws(CommandError) {
    switch (element, array.values) {
    case (.float32, _):
      array.inUnits.withUnsafeBytes { memory.copyMemory(from: $0) }
    case (.int64, .integers(let values)):
      values.withUnsafeBytes { memory.copyMemory(from: $0) }
    case (.int64, .bytes(let values)):
      values.map(Int64.init).withUnsafeBytes { memory.copyMemory(from: $0) }
    case (.bool, .bytes(let values)):
      values.map { UInt8($0 == 0 ? 0 : 1) }.withUnsafeBytes { memory.copyMemory(from: $0) }
    case (.bool, .integers(let values)):
      values.map { UInt8($0 == 0 ? 0 : 1) }.withUnsafeBytes { memory.copyMemory(from: $0) }
    case (.int64, .floats), (.bool, .floats):
      throw CommandError(.shape, at: place, expected: "an array of \(element)", got: "floats")
    }
  }

  /// All that a run is asked for.
  struct Results {
    /// By the graph's outputs; with draws [draws, …].
    var outputs: [Literal]
    /// The mean cross-entropy, over the draws too.
    var loss: Double?
    /// The loss's, by input.
    var gradients: [(String, Tensor)] = []
  }

  /// - Parameters:
  ///   - draws: of the noise; 0: one pass without.
  ///   - labels: for the loss; nil: none is asked for.
  func run(draws: Int, labels: [Int]?, gradient: Bool) throws(CommandError) -> Results {
    var parts = [[Literal]](repeating: [], count: graph.outputs.count), loss = 0.0, gradients: [(String, Tensor)] = []
    let passes = max(draws, 1)
    for draw in 0..<passes {
      plan.firstSample = UInt32(truncatingIfNeeded: draw)
      plan.forward()
      for index in parts.indices { parts[index].append(output(index)) }
      guard let labels else { continue }
      loss += try self.loss(labels) / Double(passes)
      guard gradient else { continue }
      for (at, (name, found)) in try self.gradients(labels).enumerated() {
        let share = Tensor(found.shape, found.elements.map { $0 / Float(passes) })
        if draw == 0 {
          gradients.append((name, share))
        } else {
          gradients[at].1 = Tensor(found.shape, zip(gradients[at].1.elements, share.elements).map { $0 + $1 })
        }
      }
    }
    return Results(
      outputs: parts.map { draws > 0 ? Self.stacked($0) : $0[0] }, loss: labels == nil ? nil : loss,
      gradients: gradients)
  }

  /// Arrays of one shape as one with an axis before theirs.
  private static func stacked(_ parts: [Literal]) -> Literal {
    func shape(_ own: Shape) -> Shape { Shape([parts.count] + own.dimensions) }
    func floats(_ part: Literal) -> [Float] { if case .float(let tensor) = part { tensor.elements } else { [] } }
    func integers(_ part: Literal) -> [Int64] { if case .int64(_, let values) = part { values } else { [] } }
    func flags(_ part: Literal) -> [Bool] { if case .bool(_, let values) = part { values } else { [] } }
    let own = shape(parts[0].type.shape)
    return switch parts[0] {
    case .float: .float(Tensor(own, parts.flatMap(floats)))
    case .int64: .int64(own, parts.flatMap(integers))
    case .bool: .bool(own, parts.flatMap(flags))
    }
  }

  private func output(_ index: Int) -> Literal {
    let type = plan.outputTypes[index]
    let memory = plan.outputs[index]
    switch type.element {
    case .float32: return .float(Tensor(type.shape, Array(memory.bindMemory(to: Float.self).prefix(type.shape.count))))
    case .int64: return .int64(type.shape, Array(memory.bindMemory(to: Int64.self).prefix(type.shape.count)))
    case .bool: return .bool(type.shape, memory.prefix(type.shape.count).map { $0 != 0 })
    }
  }

  /// The mean cross-entropy of the scores, taken as logits, or as probabilities where the graph gives them.
  private func loss(_ labels: [Int]) throws(CommandError) -> Double {
    let scores = try classScores(labels)
    let losses = Loss.crossEntropy.values(scores, targets: labels, probabilities: areProbabilities)
    return losses.reduce(0) { $0 + Double($1) } / Double(labels.count)
  }

  /// Derivatives of the mean cross-entropy for each float input, by its name.
  private func gradients(_ labels: [Int]) throws(CommandError) -> [(String, Tensor)] {
    let scores = try classScores(labels), classes = scores.rowLength, areProbabilities = areProbabilities
    scores.elements.withUnsafeBufferPointer { scores in
      for (row, label) in labels.enumerated() {
        let place = row * classes..<(row + 1) * classes
        _ = Loss.crossEntropy.value(
          UnsafeBufferPointer(rebasing: scores[place]), target: label, probabilities: areProbabilities,
          gradient: UnsafeMutableBufferPointer(rebasing: plan.cotangent[place]))
      }
    }
    for i in plan.cotangent.indices { plan.cotangent[i] /= Float(labels.count) }
    plan.backward()
    return zip(graph.inputs, plan.inputGradients).compactMap { input, gradient in
      guard !gradient.isEmpty else { return nil }
      let found = Tensor(input.shape(rows: rows), Array(gradient))
      return (input.name, signature?.inputName == input.name ? signature?.gradientForPixels(found) ?? found : found)
    }
  }

  private func classScores(_ labels: [Int]) throws(CommandError) -> Tensor {
    guard case .float(let scores) = output(scores), scores.shape.rank == 2, scores.rowLength > 1 else {
      throw CommandError(
        .shape, at: "--labels", expected: "a model with an output of [examples, classes ≥ 2] floats",
        got: "\(plan.outputTypes[0])")
    }
    guard labels.count == scores.rowCount, labels.allSatisfy((0..<scores.rowLength).contains) else {
      throw CommandError(
        .shape, at: "--labels", expected: "\(scores.rowCount) class numbers from 0 to \(scores.rowLength - 1)",
        got: "\(labels.count) from \(labels.min() ?? 0) to \(labels.max() ?? 0)")
    }
    return scores
  }

  private var areProbabilities: Bool { (try? Model(graph).signature.givesProbabilities) ?? false }
}
