import DitherGraph
import DitherInference
import DitherTensor
import Testing

@Suite("Labels")
struct LabelTests {
  @Test(
    "the first class of the largest output; none where no probabilities can be made of them",
    arguments: [
      ([1, 3, 2], 1), ([2, 2, 1], 0), ([-3, -2, -1], 2), ([-.infinity, -5], 1), ([0], 0),
      ([.nan, 1], -1), ([1, .nan], -1), ([1, .infinity], -1), ([-.infinity, -.infinity], -1), ([], -1),
    ] as [([Double], Int)])
  func label(_ outputs: [Double], _ label: Int) {
    #expect(Label.of(outputs) == label)
    #expect(Label.of(outputs.map(Float.init)) == label)
    // Of a slice it is a class, not a place.
    #expect(Label.of(([9, 9] + outputs)[2...]) == label)
    guard !outputs.isEmpty else { return }
    #expect(Tensor([2, outputs.count], (outputs + outputs).map(Float.init)).labels() == [label, label])
  }

  @Test("answers that are none are right nowhere")
  func accuracy() throws {
    let probabilities = [[Double.nan, .nan], [0.75, 0.25]]
    #expect(Metrics.accuracy(probabilities, [0, 0]) == 0.5)
    // The one that is an answer is 0.25 too unsure, the other is sure of nothing.
    #expect(Metrics.expectedCalibrationError(probabilities, [0, 0]) == 0.125)
    let builder = GraphBuilder(name: "huge"), x = builder.input("x", [1])
    let hidden = try builder.dense(x, builder.parameter("w", Tensor([2, 1], [3e38, -3e38])), nil)
    let logits = try builder.dense(hidden, builder.parameter("v", Tensor([2, 2], [1, 1, 0, 1])), nil)
    let graph = builder.finish(outputs: [("logits", logits)])
    let draws = Draws(probabilities: [0.25, 0.75, .nan, .nan, 1, 0, 1, 0], classes: 2, antithetic: true)
    #expect(draws.label == Label.none && draws.votes == [2, 1] && draws.standardError == nil)
    // 2 overflows to ∞ − ∞, 0 is an answer: two logits alike, of which the first counts.
    let curvature = try Curvature(graph, inputs: Tensor([2, 1], [2, 0]), labels: [0, 0])
    let found = curvature.evaluate(curvature.start, wantsGradient: false)
    #expect(found.correct == 1 && found.loss == .infinity)
  }
}
