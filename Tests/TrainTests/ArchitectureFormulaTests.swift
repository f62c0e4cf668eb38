import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import DitherTrain
import Foundation
import Testing

/// Each architecture against its formula: how many parameters, how they begin, and that gradients are those of its
/// function. A new one gets its line in `counts`.
@Suite("Formulas of architectures")
struct ArchitectureFormulaTests {
  /// Small enough for differences of every parameter.
  private static let tiny: [String: [String: Setting]] = [
    "mlp": ["hidden": .list([.number(5), .number(4)])],
    "cnn": ["channels": .list([.number(3)]), "hidden": .list([.number(4)])],
    "resnet": ["channels": .list([.number(3), .number(4)]), "blocks": .number(1)],
    "resnet9": ["channels": .list([.number(3), .number(2), .number(4), .number(3)])],
    "airbench": ["channels": .list([.number(3), .number(4)])],
    "text_cnn": [
      "vocabulary": .number(7), "embedding": .number(3), "channels": .number(2),
      "widths": .list([.number(2), .number(4)]),
    ],
    "neighbors": ["k": .number(3)],
  ]
  /// Those that have weights to train.
  private static let trained = Catalog.architectures.names.filter { $0 != Neighbors.name }

  private static func made(_ name: String, _ parameters: [String: Setting]) throws -> any Architecture {
    try Catalog.architectures.value(.mapping(parameters.merging(["kind": .text(name)]) { $1 }), at: "model") {
      $0.init()
    }
  }

  /// Networks for texts take rows of words' numbers, as many as a picture has pixels.
  private static func input(_ name: String, _ picture: Shape) -> Shape {
    name == TextCNN.name ? [picture.count] : picture
  }

  /// Numbers of weights and biases for images [d, h, w], by layer.
  private static let counts: [String: @Sendable (_ d: Int, _ h: Int, _ w: Int, _ outputs: Int) -> Int] = [
    "mlp": { d, h, w, outputs in (d * h * w + 1) * 5 + (5 + 1) * 4 + (4 + 1) * outputs },
    "cnn": { d, h, w, outputs in (9 * d + 1) * 3 + (3 * (h / 2) * (w / 2) + 1) * 4 + (4 + 1) * outputs },
    // Convolutions without a bias, normalizations of a scale and a shift a channel.
    "resnet": { d, _, _, outputs in
      let stem = 9 * d * 3 + 2 * 3, first = 2 * (9 * 3 * 3 + 2 * 3)
      let second = (9 * 3 * 4 + 2 * 4) + (9 * 4 * 4 + 2 * 4) + (3 * 4 + 2 * 4)
      return stem + first + second + (4 + 1) * outputs
    },
    "resnet9": { d, _, _, outputs in
      func unit(_ from: Int, _ to: Int) -> Int { 9 * from * to + 2 * to }
      return unit(d, 3) + unit(3, 2) + 2 * unit(2, 2) + unit(2, 4) + unit(4, 3) + 2 * unit(3, 3) + 3 * outputs
    },
    // Means and deviations of the channels, the whitening with its bias, two blocks.
    "airbench": { d, _, _, outputs in
      func unit(_ from: Int, _ to: Int) -> Int { 9 * from * to + 2 * to }
      return 2 * d + (4 * d + 1) * 8 * d + unit(8 * d, 3) + unit(3, 3) + unit(3, 4) + unit(4, 4) + 4 * outputs
    },
    // One example, with its square and its answers.
    "neighbors": { d, h, w, outputs in d * h * w + 1 + outputs },
    "text_cnn": { _, _, _, outputs in 7 * 3 + (2 * 3 * 2 + 2) + (4 * 3 * 2 + 2) + (4 + 1) * outputs },
  ]

  @Test("as many parameters as its layers say", arguments: Catalog.architectures.names, [2, 7])
  func count(_ name: String, _ outputs: Int) throws {
    let own = try #require(Self.tiny[name], "an architecture has its line"), formula = try #require(Self.counts[name])
    for input: Shape in [[1, 8, 8], [3, 10, 16]] {
      let graph = try Self.made(name, own).build(
        input: Self.input(name, input), outputs: outputs, seed: 1)
      let found = graph.parameters.reduce(0) { sum, id in
        if case .float(let tensor)? = graph.literals[id] { sum + tensor.count } else { sum }
      }
      #expect(found == formula(input[0], input[1], input[2], outputs), "\(input)")
    }
  }

  @Test("weights begin normal with variance 2 / inputs, biases at 0", arguments: Self.trained)
  func start(_ name: String) throws {
    let graph = try Catalog.architectures.entry(named: name).init().build(
      input: Self.input(name, [3, 16, 16]), outputs: 10, seed: 4)
    var seen = 0
    for id in graph.parameters {
      guard case .float(let tensor)? = graph.literals[id] else { continue }
      if graph.valueNames[id.index].hasSuffix(".bias"), tensor.shape.rank == 1 {
        #expect(tensor.elements.allSatisfy { $0 == 0 })
      }
      // Convolutions that begin as the identity have a test of their own.
      let isDirac = name == "airbench" && graph.valueNames[id.index].contains("conv")
      guard tensor.shape.rank >= 2, tensor.count >= 2000, !isDirac else { continue }
      seen += 1
      let n = Double(tensor.count), inputs = Double(tensor.shape.row.count)
      let mean = tensor.elements.reduce(0) { $0 + Double($1) } / n
      let square = tensor.elements.reduce(0) { $0 + Double($1) * Double($1) } / n
      // Five standard errors of a mean, and of a variance of normals.
      #expect(abs(mean) < 5 * (2 / inputs / n).squareRoot())
      #expect(abs(square * inputs / 2 - 1) < 5 * (2 / n).squareRoot(), "\(graph.valueNames[id.index])")
    }
    #expect(seen > 0 || name == "airbench")
  }

  @Test("layers of one network begin apart: no two have the same numbers", arguments: Self.trained)
  func apart(_ name: String) throws {
    let graph = try Self.made(name, Self.tiny[name] ?? [:]).build(
      input: Self.input(name, [3, 8, 8]), outputs: 3, seed: 4)
    let starts = graph.parameters.compactMap { id -> Float? in
      guard case .float(let tensor)? = graph.literals[id], tensor.shape.rank >= 2 else { return nil }
      // The last one: convolutions that begin as the identity draw theirs behind it, where they draw at all.
      guard let last = tensor.elements.last, last != 0 else { return nil }
      return last * (Float(tensor.shape.row.count) / 2).squareRoot()
    }
    for (i, a) in starts.enumerated() { for b in starts[..<i] { #expect(abs(a - b) > 1e-4) } }
  }

  @Test("gradients of all parameters are finite differences of the loss", arguments: Self.trained)
  func differences(_ name: String) throws {
    let graph = try Self.made(name, Self.tiny[name] ?? [:]).build(
      input: Self.input(name, [2, 8, 8]), outputs: 3, seed: 6)
    let buffers = ParameterBuffers(graph, moving: true)
    let plan = try Plan(graph, parameters: buffers, options: .init(rows: 3, parameterGradients: true))
    // Of words each has its number.
    let inputs = Tensor.random([3, 2, 8, 8], seed: 8, from: 0, to: name == TextCNN.name ? 7 : 1)
    // Σ c · z of fixed c, so that differences of the loss are of the function alone.
    let weights: [Float] = [1, -0.5, 0.25, -1, 0.75, 0.5, -0.25, 1, -0.75]
    func loss() -> Double {
      _ = plan.input().update(fromContentsOf: inputs.elements)
      plan.forward()
      return zip(weights, plan.output()).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    _ = loss()
    _ = plan.cotangent.update(fromContentsOf: weights)
    plan.backward()
    let gradient = Array(plan.parameterGradients)
    var far = 0, tried = 0
    for id in buffers.trainable {
      for place in try #require(buffers.ranges[id]) {
        let start = buffers.floats[place], step: Float = 1e-3
        buffers.floats[place] = start + step
        let above = loss()
        buffers.floats[place] = start - step
        let below = loss()
        buffers.floats[place] = start
        let slope = (above - below) / (2 * Double(step))
        tried += 1
        // A few lie where a ReLU or a maximum turns within the step.
        if abs(slope - Double(gradient[place])) > 2e-3 * max(1, abs(slope)) { far += 1 }
      }
    }
    #expect(tried > 50 && far * 20 <= tried, "\(far) of \(tried)")
  }
}
