import DitherRobustness
import DitherTensor
import DitherTestSupport
import Testing

@Suite("The deployed predictor")
struct DeployedPredictorTests {
  @Test(
    "draws that can change nothing are spared, and change nothing", arguments: [1, 2, 3, 5, 8, 32, 33], [0.3, 1, 4])
  func labels(_ samples: Int, _ temperature: Double) throws {
    let model = try Small.model(sigma: 0.4), count = 60
    let predictor = DeployedPredictor(model, samples: samples, temperature: temperature, seed: 5)
    let x = Tensor.random([count, 1, 4, 4], seed: 8, from: 0, to: 1), identities = (0..<count).map(UInt64.init)
    let all = try predictor.probabilities(x, identities: identities).map { p in
      p.indices.reduce(0) { p[$1] > p[$0] ? $1 : $0 }
    }
    #expect(try predictor.labels(x, identities: identities) == all)
    #expect(Set(all).count > 1)
  }
}
