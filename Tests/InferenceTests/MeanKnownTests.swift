import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Testing

/// When draws say that a mean is known to a tolerance, and when they only have not met what would move it.
@Suite("Tolerances of means")
struct MeanKnownTests {
  private static func draws(_ p: [Double], pairs: Bool = false) -> Draws {
    Draws(probabilities: p.flatMap { [$0, 1 - $0] }, classes: 2, antithetic: pairs)
  }

  @Test("draws that are all alike tell no more than how many they are", arguments: [0.2, 0.05, 0.01], [false, true])
  func alike(_ tolerance: Double, _ pairs: Bool) {
    for count in [2, 16, 20, 32, 100, 128, 200, 400] {
      let independent = pairs ? count / 2 : count
      let isKnown = Self.draws([Double](repeating: 0.7, count: count), pairs: pairs).isKnown(to: tolerance, rarer: nil)
      #expect(isKnown == (1 / Double(independent) <= tolerance), "\(count)")
    }
  }

  @Test(
    "a rare event may be missing among draws that differ a little as well, whatever the noise", arguments: [nil, 0.1])
  func rare(_ rarer: Double?) {
    let nearly = (0..<64).map { 0.7 + 1e-6 * Double($0 % 3) }
    #expect(!Self.draws(nearly).isKnown(to: 0.005, rarer: rarer))
    #expect(Self.draws(nearly).isKnown(to: 0.02, rarer: rarer))
  }

  @Test("the rarest of what a draw may do: of all terms, with the share of draws that have any, and of members")
  func rarest() throws {
    func rarest(_ options: String...) throws -> Double? {
      try NoiseModel(options.map { try NoiseTerm(parsing: $0, at: "noise") }).rarerProbability
    }
    #expect(try rarest("input:gaussian,sigma=0.1") == nil)
    for (options, right) in [
      (["input:pixel_mask,rate=0.25"], 0.25), (["input:pixel_mask,rate=0.75"], 0.25),
      (["input:salt_and_pepper,rate=0.25"], 0.125), (["input:salt_and_pepper,rate=1"], 0.5),
      (["input:pixel_mask,rate=0.5,fraction=0.02"], 0.01), (["input:gaussian,sigma=1,fraction=0.125"], 0.125),
      (["input:gaussian,sigma=1,fraction=0.75"], 0.25),
      (["input:pixel_mask,rate=0.25", "weights:gaussian,sigma=1", "input:salt_and_pepper,rate=0.5"], 0.25),
    ] {
      let found = try #require(
        NoiseModel(options.map { try NoiseTerm(parsing: $0, at: "noise") }).rarerProbability, "\(options)")
      #expect(abs(found - right) < 1e-6, "\(options): \(found)")
    }
    #expect(NoiseModel([], members: 4).rarerProbability == 0.25)
  }

  @Test("a value may be anything in the draw that was not made")
  func values() {
    func values(_ all: [Double]) -> Draws { Draws(values: all, width: 1) }
    #expect(!values([Double](repeating: 3, count: 5000)).isKnown(to: 10, rarer: nil))
    #expect(!values([Double](repeating: 3, count: 100)).isKnown(to: 10, rarer: 0.01))
    #expect(!values([Double](repeating: 3, count: 400)).isKnown(to: 10, rarer: 0.01))
    let differing = (0..<100).map { Double($0 % 2) }
    #expect(!values(differing).isKnown(to: 1, rarer: 0.01) && values(differing).isKnown(to: 1, rarer: 0.05))
    #expect(values([1, 2, 1, 2, 1, 2, 1, 2]).isKnown(to: 1, rarer: nil))
  }

  @Test("every noise of the catalog whose draws can be alike says how rare the other ones are")
  func catalog() throws {
    for entry in Catalog<any Noise.Type>.noises.entries {
      let noise = entry.init(), shape = Shape([1, 24, 24])
      func draw(_ sample: UInt32) -> [Float] {
        Tensor(writing: shape) { noise.fill($0, of: shape, at: NoiseAddress(seed: UInt64(sample) + 1)) }.elements
      }
      // Of one number: how many draws are like the most frequent one.
      let numbers = (0..<400).map { draw($0)[20] }
      let most =
        Dictionary(grouping: numbers, by: { $0.isNaN ? 0x7FC0_0000 : $0.bitPattern }).values.map(\.count).max() ?? 0
      #expect((most > 20) == (noise.rarerProbability != nil), "\(entry.name): \(most) of 400 alike")
    }
  }

  @Test("pixels that are rarely masked are not taken for pixels that never are")
  func masked() throws {
    let builder = GraphBuilder(name: "masked"), x = builder.input("x", [1, 4, 4])
    let flat = try builder.flatten(x)
    let w = Tensor([2, 16], (0..<32).map { $0 < 16 ? -0.5 : 0.5 })
    var graph = builder.finish(outputs: [("y", try builder.dense(flat, builder.parameter("w", w), nil))])
    graph.noise = try NoiseModel(
      parsing: ["input:pixel_mask,rate=0.002,value=40"], of: graph, at: "noise")
    let predictor = MonteCarloPredictor(try Model(graph)), inputs = Tensor([1, 1, 4, 4], repeating: -1)
    let truth = try predictor.predict(inputs, Sampling(.samples(20_000), seed: 99)).predictions[0].mean[1]
    for seed in 0..<40 as Range<UInt64> {
      let answer = try predictor.predict(inputs, Sampling(.tolerance(0.005, most: 65_536), seed: seed))
      #expect(answer.stopReason == .toleranceMet)
      // Four standard errors, and the truth's own.
      #expect(abs(answer.predictions[0].mean[1] - truth) < 0.025, "\(answer.samples) draws")
      #expect(answer.samples >= 200)
    }
  }
}
