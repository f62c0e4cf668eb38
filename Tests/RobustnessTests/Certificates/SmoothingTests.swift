import DitherBasics
import DitherGraph
import DitherInference
import DitherReports
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Synchronization
import Testing

/// A half-space, whose smoothed classifier is known exactly: P(class 1) = Φ(distance / σ), and the radius is the distance.
private struct HalfSpace {
  let model: Model
  let weights: [Float]

  init(noise: Float = 0, normalized: Bool = false) throws {
    weights = Tensor.random([16], seed: 31).elements
    let builder = GraphBuilder(name: "half-space"), x = builder.input("x", [1, 4, 4])
    // Logits 0 and w · x − b, with b so that the middle of the cube lies on the border.
    let rows = [Float](repeating: 0, count: 16) + weights, offset = -weights.reduce(0, +) / 2
    let logits = try builder.dense(
      builder.flatten(x), builder.parameter("w", Tensor([2, 16], rows)),
      builder.parameter("b", Tensor([2], [0, offset])))
    var graph = builder.finish(outputs: [("logits", logits)])
    if noise > 0 { graph.noise = NoiseModel([.init(.weights, sigma: noise)]) }
    if normalized { graph.metadata[ModelSignature.normalizationKey] = #"{"mean":[0],"deviation":[0.5]}"# }
    model = try Model(graph)
  }

  func distance(_ x: ArraySlice<Float>) -> Double {
    let product = zip(weights, x).reduce(0.0) { $0 + Double($1.0) * (Double($1.1) - 0.5) }
    return product / weights.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  }
}

@Suite("Randomized smoothing")
struct SmoothingTests {
  private static let inputs = Tensor.random([40, 1, 4, 4], seed: 17, from: 0, to: 1)

  private func budget(_ n: Int, alpha: Double = 0.001, early: Bool = false, target: Double? = nil)
    -> SmoothedClassifier.Budget
  {
    var budget = SmoothedClassifier.Budget()
    (budget.n, budget.alpha, budget.early, budget.target) = (n, alpha, early, target)
    return budget
  }

  @Test("a half-space is certified as far as it goes, and no farther", arguments: [false, true])
  func halfSpace(_ early: Bool) throws {
    let space = try HalfSpace(), smoothed = try SmoothedClassifier(space.model, sigma: 0.25, seed: 1)
    var certified = 0
    for row in 0..<Self.inputs.rowCount {
      let distance = space.distance(Self.inputs.row(row))
      let (found, copies) = try smoothed.certify(
        Self.inputs.rows(row..<row + 1), identity: UInt64(row), budget: budget(4000, early: early))
      #expect(found.n <= 4000 && copies == found.n + 100 && (early || found.n == 4000))
      guard !found.abstained else {
        // Half of 4000 draws, four standard deviations off: what abstains lies on the border.
        #expect(abs(distance) < 0.05 && found.radius == 0)
        continue
      }
      certified += 1
      #expect(found.label == (distance > 0 ? 1 : 0))
      #expect(found.radius <= abs(distance), "row \(row)")
      // The bound is below the share by chance and by what the level costs, some five standard deviations in all.
      let p = Statistics.normalDistribution(abs(distance) / 0.25)
      let worst = p - 7 * (p * (1 - p) / Double(found.n)).squareRoot() - 12 / Double(found.n)
      #expect(worst < 0.5 || found.radius >= 0.25 * Statistics.normalQuantile(worst), "row \(row)")
    }
    #expect(certified >= 30)
  }

  @Test("sigma is in units of the input, whatever the normalization")
  func normalization() throws {
    // The second model doubles what comes in: half the image and half the noise is the same to it.
    let plain = try HalfSpace(), scaled = try HalfSpace(normalized: true)
    let x = Tensor([1, 1, 4, 4], repeating: 0.25), y = Tensor([1, 1, 4, 4], repeating: 0.125)
    let one = try SmoothedClassifier(plain.model, sigma: 0.25, seed: 3).certify(x, identity: 5, budget: budget(2000))
    let other = try SmoothedClassifier(scaled.model, sigma: 0.125, seed: 3).certify(
      y, identity: 5, budget: budget(2000))
    #expect(one.certificate.label == other.certificate.label)
    #expect(abs(one.certificate.radius - 2 * other.certificate.radius) < 1e-12)
  }

  @Test("neither batches, threads nor company change a count")
  func reproducible() throws {
    let space = try HalfSpace(noise: 0.2)
    @Sendable func make(_ row: UnsafeMutableBufferPointer<Float>, _ number: Int) {
      NoiseAddress(seed: 4, sample: UInt32(number)).normals(row)
    }
    @Sendable func draw(_ number: Int) -> UInt64 { UInt64(number) * 7 }
    for seeds in [nil, draw] as [(@Sendable (Int) -> UInt64)?] {
      let whole = try space.model.labelCounts(rows: 0..<3000, drawSeed: seeds, make: make)
      #expect(whole.reduce(0, +) == 3000)
      #expect(try space.model.labelCounts(rows: 0..<3000, drawSeed: seeds, threads: 2, make: make) == whole)
      let parts = try [0..<1, 1..<17, 17..<1234, 1234..<3000].map {
        try space.model.labelCounts(rows: $0, drawSeed: seeds, make: make)
      }
      #expect((0..<2).map { c in parts.reduce(0) { $0 + $1[c] } } == whole)
    }
    let runner = try Small.runner(["smoothing:n=200,n0=20,sigma=0.2"], count: 60)
    let all = try runner.run(runner.plan.shards[1])
    let again = try runner.report(runner.runAll(threads: 2)).probes[0].certified
    let probe = try ProbeSpec(parsing: "smoothing:n=200,n0=20,sigma=0.2").resolved()
    let part = probe.sections(of: all.pieces.map(\.found.model), labels: ClassLabels([])).certified?.certificates
    #expect(part != nil && part == again.map { Array($0.certificates[50...]) })
  }

  @Test("every copy has its own draw of a model's noise")
  func freshDraws() throws {
    // All copies are the same, so a share between 0 and 1 comes from the weights.
    let space = try HalfSpace(noise: 0.3), row = Self.inputs.rows(2..<3)
    let product = zip(space.weights, row.elements).reduce(0.0) { $0 + Double($1.0) * (Double($1.1) - 0.5) }
    // Both rows of weights are noisy: the difference of logits has variance 2 τ² ‖x‖².
    let length = row.elements.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    let p = Statistics.normalDistribution(product / (0.3 * 2.0.squareRoot() * length))
    let counts = try space.model.labelCounts(rows: 0..<20_000, drawSeed: { mixSeed(9, UInt64($0)) }) { out, _ in
      _ = out.update(fromContentsOf: row.elements)
    }
    #expect(abs(Double(counts[1]) / 20_000 - p) < 5 * (p * (1 - p) / 20_000).squareRoot(), "\(counts), \(p)")
  }

  @Test("PREDICT answers with the smoothed label or not at all")
  func predict() throws {
    let space = try HalfSpace(), smoothed = try SmoothedClassifier(space.model, sigma: 0.5, seed: 2)
    var answered = 0
    for row in 0..<Self.inputs.rowCount {
      let found = try smoothed.predict(Self.inputs.rows(row..<row + 1), identity: UInt64(row), n: 500, alpha: 0.001)
      guard !found.abstained else { continue }
      answered += 1
      #expect(found.label == (space.distance(Self.inputs.row(row)) > 0 ? 1 : 0) && found.radius == 0)
    }
    #expect(answered > 15)
  }

  @Test("a bound that is looked at often holds as often as it says", arguments: [0.45, 0.5, 0.7, 0.95])
  func spending(_ p: Double) {
    // 4000 records of up to 1024 draws; a caller who stops where the bound is worst for it.
    let alpha = 0.1, spent = SpentBound(n: 1024, alpha: alpha, early: true)
    #expect(spent.looks.first == 64 && spent.looks.last == 1024)
    #expect(abs(spent.alphas.reduce(0, +) - alpha) < 1e-12)
    var wrong = 0
    for record in 0..<4000 {
      let uniforms = NoiseAddress(seed: 77, sample: UInt32(record)).uniforms(1024)
      let isWrong = zip(spent.looks, spent.alphas).contains { look, share in
        let successes = uniforms.prefix(look).count { Double($0) < p }
        return Statistics.lowerBound(successes, of: look, alpha: share) > p
      }
      if isWrong { wrong += 1 }
    }
    #expect(Double(wrong) / 4000 <= alpha + 4 * (alpha / 4000).squareRoot())
  }

  @Test("copies without an answer are no class's, least of all the first's")
  func noAnswer() throws {
    let smoothed = try SmoothedClassifier(Small.overflowing(), sigma: 0.25, seed: 1)
    // One copy in a hundred has an answer.
    let x = Tensor([1, 1, 4, 4], [1, 1] + [Float](repeating: 0.5, count: 14))
    let found = try smoothed.certify(x, identity: 0, budget: budget(1000)).certificate
    #expect(found.abstained && found.radius == 0)
    let predicted = try smoothed.predict(x, identity: 0, n: 1000, alpha: 0.001)
    #expect(predicted.abstained && predicted.label == Label.none)
    // Where all have one nothing changes.
    let dark = Tensor([1, 1, 4, 4], [0, 0] + [Float](repeating: 0.5, count: 14))
    #expect(try !smoothed.predict(dark, identity: 0, n: 1000, alpha: 0.001).abstained)
  }

  @Test("early stopping spends fewer copies, and reaches the target where all would")
  func early() throws {
    let space = try HalfSpace(), smoothed = try SmoothedClassifier(space.model, sigma: 0.25, seed: 1)
    var copies = 0
    for row in 0..<Self.inputs.rowCount {
      let x = Self.inputs.rows(row..<row + 1), distance = abs(space.distance(x.elements[...]))
      let found = try smoothed.certify(
        x, identity: UInt64(row), budget: budget(16_384, early: true, target: 0.1)
      ).certificate
      copies += found.n
      if distance > 0.13 { #expect(found.radius >= 0.1, "row \(row)") }
      if distance < 0.1 { #expect(found.radius < 0.1) }
    }
    #expect(copies < 40 * 16_384 / 2)
  }

  @Test(
    "plans that cannot succeed are refused before anything is drawn",
    arguments: [
      ("smoothing:n=9", "n ≥ 10"), ("smoothing:n=128,early=true,target_radius=0.4", "target_radius"),
      ("smoothing:predict=true,n=10", "n ≥ 11"),
      ("smoothing:n=1000,target_radius=0.62", "target_radius"), ("smoothing:sigma=0", "no L2 radius"),
      ("smoothing:sigma=-1", "sigma"), ("smoothing:alpha=0", "alpha"), ("smoothing:alpha=0.9", "alpha"),
      ("smoothing:n0=0", "n0"), ("smoothing:predict=true,target_radius=0.1", "predict"), ("ibp:epsilon=2", "epsilon"),
    ])
  func refused(_ text: String, _ words: String) {
    #expect {
      _ = try ProbeSpec(parsing: text).resolved()
    } throws: { error in
      (error as? any AnyFault)?.category == .invalidArgument && "\(error)".contains(words)
    }
  }

  @Test("the least plans that can succeed do", arguments: ["n=10", "n=10,early=true", "n=11,predict=true"])
  func accepted(_ parameters: String) throws {
    _ = try ProbeSpec(parsing: "smoothing:\(parameters)").resolved()
    let runner = try Small.runner(["smoothing:sigma=0.001,\(parameters)"], count: 20)
    let certified = try #require(try runner.report(runner.runAll()).probes[0].certified)
    #expect(certified.abstain < 0.5)
  }

  @Test("a report has the curve, the average radius and the abstentions, on paper and as JSON")
  func reported() throws {
    let runner = try Small.runner(
      ["clean", "smoothing:n=300,n0=30,sigma=0.1", "ibp:epsilon=0.01", "ibp:epsilon=0.02", "ibp:epsilon=0.05"],
      baseline: true)
    let report = try runner.report(runner.runAll(threads: 2))
    let probe = report.probes[1], certified = try #require(probe.certified)
    #expect(certified.norm == .l2 && certified.certificates.count == 120 && probe.questions == 120 * 330)
    #expect(certified.certificates.allSatisfy { $0.n == 300 && $0.alpha == 0.001 })
    #expect(certified.curve.map(\.radius) == (0...7).map { Double($0) * 0.025 })
    #expect(zip(certified.curve, certified.curve.dropFirst()).allSatisfy { $0.accuracy >= $1.accuracy })
    #expect(certified.curve[0].accuracy == probe.robustAccuracy && certified.curve[0].accuracy > 0.5)
    let mean = certified.certificates.reduce(0) { $0 + ($1.correct ? $1.radius : 0) } / 120
    #expect(abs(certified.acr - mean) < 1e-12 && certified.acr > 0)
    #expect(probe.others.first?.certified?.certificates.count == 120)
    let json = try #require(try JSONSerialization.jsonObject(with: report.json()) as? [String: Any])
    let written = try #require(((json["probes"] as? [[String: Any]])?[1])?["certified"] as? [String: Any])
    #expect(Set(written.keys) == ["norm", "curve", "acr", "abstain", "abstain_interval", "certificates"])
    #expect(try Report(json: report.json()) == Report(json: Report(json: report.json()).json()))
    let html = report.html()
    #expect(html.contains("Certified accuracy by radius") && html.contains("n = 300 noisy copies"))
    #expect(html.contains("ibp, L∞") && !html.contains("the strongest attack"))
  }

  @Test("a cancelled audit gives up between two batches")
  func cancelled() throws {
    let runner = try Small.runner(["smoothing:n=100000"], count: 20), asked = Mutex(0)
    #expect(throws: RobustnessError.self) {
      try runner.run(runner.plan.shards[0]) {
        asked.withLock { $0 += 1 }
        return asked.withLock { $0 } > 10
      }
    }
  }
}
