import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Testing

@Suite("What inputs mean")
struct PixelNormalizationTests {
  private static func signature(_ shape: [Int], _ normalization: String) throws -> ModelSignature {
    let builder = GraphBuilder(name: "net"), x = try builder.flatten(builder.input("x", shape))
    let count = shape.reduce(1, *)
    let logits = try builder.dense(x, builder.parameter("w", .random([3, count], seed: 1)), nil, name: "fc")
    var graph = builder.finish(outputs: [("logits", logits)])
    graph.metadata[ModelSignature.normalizationKey] = normalization
    return try ModelSignature(graph)
  }

  private static let color = #"{"mean":[0.1,0.2,0.3],"deviation":[0.5,1,2]}"#

  /// [2, 3, 4, 5] as [2, 4, 5, 3].
  private static func channelsLast(_ x: Tensor) -> Tensor {
    Tensor(
      [2, 4, 5, 3], (0..<2).flatMap { n in (0..<20).flatMap { p in (0..<3).map { x.elements[n * 60 + $0 * 20 + p] } } })
  }

  @Test("channels are normalized along their own axis, wherever it is")
  func axis() throws {
    let x = Tensor.random([2, 3, 4, 5], seed: 2, from: 0, to: 1)
    let first = try Self.signature([3, 4, 5], Self.color).normalized(x)
    for (i, value) in first.elements.enumerated() {
      let channel = i / 20 % 3, wanted = (x.elements[i] - [0.1, 0.2, 0.3][channel]) / [0.5, 1, 2][channel]
      #expect(abs(value - wanted) < 1e-6)
    }
    let last = try Self.signature([4, 5, 3], Self.color)
    #expect(last.normalized(Self.channelsLast(x)) == Self.channelsLast(first))
    #expect(try Self.signature([60], Self.color).normalized(x.reshaped([2, 60])) == first.reshaped([2, 60]))
    #expect(last.gradientForPixels(Tensor([1, 4, 5, 3], repeating: 1)).elements[..<4] == [2, 1, 0.5, 2])
  }

  @Test("bytes are floats times 255, in every layout", arguments: [[3, 4, 5], [4, 5, 3], [60], [1, 3, 4, 5]])
  func bytes(_ shape: [Int]) throws {
    let signature = try Self.signature(shape, Self.color), bytes = (0..<120).map { UInt8($0 * 2) }
    let whole = Shape([2] + shape), floats = Tensor(whole, bytes.map { Float($0) / 255 })
    #expect(signature.normalized(Tensor(pixels: bytes, whole)) == signature.normalized(floats))
  }

  @Test("as many numbers as there are channels, or one for all")
  func refused() throws {
    _ = try Self.signature([3, 4, 5], #"{"mean":[0.1],"deviation":[0.5,1,2]}"#)
    for (shape, text) in [
      ([4, 5, 7], Self.color), ([61], Self.color), ([3, 4, 5], #"{"mean":[0.1,0.2],"deviation":[1]}"#),
    ] {
      #expect { _ = try Self.signature(shape, text) } throws: {
        ($0 as? InferenceError).map { "\($0)".contains("each channel") } ?? false
      }
    }
  }

  @Test("an ensemble normalizes each member as it would itself", arguments: [[3, 4, 5], [4, 5, 3]])
  func ensemble(_ shape: [Int]) throws {
    let models = try [1, 2].map { seed in
      let builder = GraphBuilder(name: "net\(seed)"), x = try builder.flatten(builder.input("x", shape))
      let logits = try builder.dense(x, builder.parameter("w", .random([3, 60], seed: UInt64(seed))), nil, name: "fc")
      var graph = builder.finish(outputs: [("logits", logits)])
      graph.metadata[ModelSignature.normalizationKey] = Self.color
      return try Model(graph)
    }
    let x = Tensor.random(Shape([4] + shape), seed: 5, from: 0, to: 1), whole = try Model(ensemble: models)
    let mixed = whole.signature.meanProbabilities(try whole.outputs(x), rows: 4)
    let alone = try models.map { model in
      model.signature.meanProbabilities(try model.outputs(model.signature.normalized(x)), rows: 4)
    }
    for row in 0..<4 {
      for c in 0..<3 { #expect(abs(mixed[row][c] - (alone[0][row][c] + alone[1][row][c]) / 2) < 1e-5) }
    }
  }
}
