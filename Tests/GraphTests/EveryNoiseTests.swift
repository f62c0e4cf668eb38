import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// What holds for every noise, site and schedule of the catalogs.
@Suite("Every noise")
struct EveryNoiseTests {
  /// A term of each noise at each site, strong enough to be seen.
  static let terms: [NoiseTerm] = Catalog.noises.entries.flatMap { noise in
    Catalog.sites.entries.map { NoiseTerm($0, noise.init(), sigma: noise.combination == .adds ? 0.1 : nil) }
  }

  private func written(_ noise: NoiseModel) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(noise), as: UTF8.self)
  }
  private func read(_ text: String) throws -> NoiseModel {
    try NoiseModel(JSONDecoder().decode(Setting.self, from: Data(text.utf8)))
  }

  @Test("is written and read as it is, with everything that a term can have", arguments: terms)
  func roundTrip(_ term: NoiseTerm) throws {
    for schedule in Catalog.schedules.entries {
      for draws in [nil, NoiseTerm.Draws.example, .batch, .group(4)] {
        var full = term
        full.schedule = schedule.init()
        full.layers = "conv*"
        full.draws = draws
        guard (try? NoiseModel([full]).validate()) != nil else { continue }
        let text = try written(NoiseModel([full, term]))
        #expect(text.contains("\"format\":2"))
        #expect(try read(text) == NoiseModel([full, term]) && written(read(text)) == text)
      }
    }
  }

  @Test("has parameters whose names are none of a term's keys", arguments: Catalog.noises.entries)
  func parameters(_ noise: any Noise.Type) {
    func keys(_ noise: some Noise) -> [String] { Parameters.keys(of: noise) }
    #expect(Set(keys(noise.init())).isDisjoint(with: NoiseTerm.keys))
  }

  @Test("is nothing at strength 0, and itself at 1", arguments: terms)
  func strengths(_ term: NoiseTerm) {
    #expect(!term.scaled(by: 0).isActive && term.isActive && term.scaled(by: 1) == term)
  }

  /// Inputs of one half and a dense layer that hands them on.
  private func identity(_ shape: [Int]) throws -> Graph {
    let builder = GraphBuilder(), x = builder.input("x", shape)
    return builder.finish(outputs: [("y", try builder.relu(x))])
  }

  @Test("has the moments that it says, for every row and draw apart", arguments: Catalog.noises.entries)
  func moments(_ noise: any Noise.Type) throws {
    let graph = try identity([3, 4, 4]), rows = 2, samples = 500
    let plan = try Plan(
      graph, parameters: ParameterBuffers(graph), options: .init(rows: rows, samples: samples, path: .fresh),
      noise: NoiseModel([.init(.activations, noise.init(), sigma: noise.combination == .adds ? 0.1 : nil)]))
    plan.input().update(repeating: 0.5)
    for row in 0..<rows { plan.seeds[row] = UInt64(90 + row) }
    plan.forward()
    let values = plan.output().map(Double.init), mean = values.reduce(0, +) / Double(values.count)
    let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
    let known: [String: (mean: Double, deviation: Double)] = [
      "dropout": (0.5, 0.5), "pixel_mask": (0.25, 0.25), "salt_and_pepper": (0.5, 0.05.squareRoot() / 2.0.squareRoot()),
      "gaussian_dropout": (0.5, 0.5), "drop_block": (0.5, 0.5 / 3), "block_mask": (0.375, 0.1875.squareRoot() / 2),
    ]
    let own = (noise.init() as? any AddedNoise)?.deviation(of: [3, 4, 4]) ?? 1
    let expected = known[noise.name] ?? (0.5, 0.1 * own)
    #expect(abs(mean - expected.mean) < 0.01, "\(mean)")
    #expect(abs(deviation - expected.deviation) < 0.01, "\(deviation)")
    // No two rows and no two draws are the same.
    let length = 48, parts = stride(from: 0, to: values.count, by: length).map { Array(values[$0..<$0 + length]) }
    let least = noise.name.contains("block") ? 20 : parts.count * 9 / 10
    #expect(Set(parts).count > least)
  }

  @Test("a masked pixel has no channel left")
  func pixels() throws {
    let graph = try identity([3, 4, 4])
    let mask = try #require(Catalog.noises.entries.first { $0.name == "pixel_mask" })
    let plan = try Plan(
      graph, parameters: ParameterBuffers(graph), options: .init(rows: 1, samples: 50, path: .fresh),
      noise: NoiseModel([.init(.input, mask.init())]))
    plan.input().update(repeating: 0.5)
    plan.seeds[0] = 3
    plan.forward()
    let values = Array(plan.output())
    for sample in 0..<50 {
      for pixel in 0..<16 {
        let channels = (0..<3).map { values[sample * 48 + $0 * 16 + pixel] }
        #expect(Set(channels).count == 1 && [0, 0.5].contains(channels[0]))
      }
    }
  }

  @Test("gradients go through every noise: finite differences at one draw", arguments: terms.filter(\.site.isServed))
  func gradients(_ term: NoiseTerm) throws {
    let builder = GraphBuilder(), x = builder.input("x", [6])
    // Smooth: a step of the differences must not cross a kink.
    let hidden = try builder.tanh(builder.dense(x, builder.parameter("w", .random([5, 6], seed: 1)), nil))
    let graph = builder.finish(outputs: [("y", hidden)])
    var parameters = ParameterBuffers(graph, moving: true)
    let id = try #require(graph.parameters.first), inputs = Tensor.random([2, 6], seed: 2)
    func plan(_ rows: Int) throws -> Plan {
      try Plan(
        graph, parameters: parameters,
        options: .init(rows: rows, path: .exact, inputGradient: true, parameterGradients: true),
        noise: NoiseModel([term]))
    }
    func loss(_ plan: Plan, moved: Float) -> Double {
      _ = plan.input().update(fromContentsOf: inputs.elements.map { $0 + moved })
      for row in 0..<2 { plan.seeds[row] = 3 + UInt64(row) }
      plan.forward()
      return plan.output().reduce(0) { $0 + Double($1) }
    }
    let first = try plan(2)
    _ = loss(first, moved: 0)
    first.cotangent.update(repeating: 1)
    first.backward()
    let analytical = first.inputGradients[0].reduce(0.0) { $0 + Double($1) }
    let weights = try #require(first.parameterGradient(id)).reduce(0.0) { $0 + Double($1) }
    let numerical = (loss(first, moved: 1 / 512) - loss(first, moved: -1 / 512)) * 256
    #expect(abs(numerical - analytical) <= 0.02 * (1 + abs(analytical)), "\(numerical) for \(analytical)")

    func moved(_ step: Float) throws -> Double {
      var changed = graph
      guard case .float(let tensor)? = graph.literals[id] else { return 0 }
      changed.literals[id] = .float(Tensor(tensor.shape, tensor.elements.map { $0 + step }))
      parameters = ParameterBuffers(changed, moving: true)
      let plan = try Plan(
        changed, parameters: parameters, options: .init(rows: 2, path: .exact), noise: NoiseModel([term]))
      return loss(plan, moved: 0)
    }
    let difference = try (moved(1 / 512) - moved(-1 / 512)) * 256
    #expect(abs(difference - weights) <= 0.02 * (1 + abs(weights)), "\(difference) for \(weights)")
  }

  @Test("what is served is the end of each schedule, without the training's own noise")
  func settled() throws {
    let noise = try read(
      """
      {"format": 2, "terms": [
        {"site": "weights", "sigma": 0.2, "schedule": {"kind": "annealed", "final": 0.5}, "draws": "batch"},
        {"site": "activations", "distribution": "dropout", "rate": 0.4, "schedule": {"kind": "annealed", "final": 0.25}},
        {"site": "gradients", "sigma": 0.1}]}
      """)
    #expect(noise.settled == NoiseModel([.init(.weights, sigma: 0.1), .dropout(.activations, rate: 0.1)]))
  }

  @Test("rows share draws as the term says", arguments: ["example", "batch", "group of 2"])
  func sharing(_ draws: String) throws {
    let graph = try identity([8])
    for noise in Catalog.noises.entries where noise.name != "pixel_mask" {
      var term = NoiseTerm(.input, noise.init(), sigma: noise.combination == .adds ? 0.1 : nil)
      term.draws = NoiseTerm.Draws(draws)
      #expect(term.draws != nil)
      let plan = try Plan(
        graph, parameters: ParameterBuffers(graph), options: .init(rows: 4, path: .exact), noise: NoiseModel([term]))
      var shared = [false, false]
      for seed in 0..<40 as Range<UInt64> {
        plan.input().update(repeating: 0.5)
        for row in 0..<4 { plan.seeds[row] = 100 * seed + UInt64(row) }
        plan.forward()
        let rows = (0..<4).map { Array(plan.output()[$0 * 8..<$0 * 8 + 8]) }
        if rows[0] != rows[1] { shared[0] = true }
        if rows[0] != rows[2] { shared[1] = true }
      }
      // Whether rows 0 and 1, and 0 and 2, ever differ.
      #expect(shared == [draws == "example", draws != "batch"], "\(noise.name)")
    }
  }

  @Test("layers that a pattern names are noisy, and no others; a pattern that names none is refused")
  func layers() throws {
    let builder = GraphBuilder(), x = builder.input("x", [4])
    let identity = Tensor([4, 4], (0..<16).map { $0 % 5 == 0 ? 1 : 0 })
    let first = try builder.dense(x, builder.parameter("w1", identity), nil, name: "first")
    let second = try builder.dense(first, builder.parameter("w2", identity), nil, name: "second")
    let graph = builder.finish(outputs: [("a", first), ("b", second)])
    func outputs(_ pattern: String) throws -> [[Float]] {
      var term = NoiseTerm(.weights, sigma: 0.1)
      term.layers = pattern
      let plan = try Plan(
        graph, parameters: ParameterBuffers(graph), options: .init(rows: 1, path: .fresh), noise: NoiseModel([term]))
      plan.input().update(repeating: 0.5)
      plan.seeds[0] = 1
      plan.forward()
      return [Array(plan.output(0)), Array(plan.output(1))]
    }
    let clean = [Float](repeating: 0.5, count: 4)
    for pattern in ["sec*", "w2", "*con*", "s*d"] {
      let found = try outputs(pattern)
      #expect(found[0] == clean && found[1] != clean)
    }
    #expect(try outputs("*")[0] != clean)
    let error = #expect(throws: GraphError.self) { try outputs("secnd") }
    #expect(error?.advice == "did you mean 'second'?")
  }

  @Test("several terms with schedules follow them in one plan, exact and drawn alike")
  func schedules() throws {
    let builder = GraphBuilder(), x = builder.input("x", [16])
    let graph = builder.finish(outputs: [
      ("y", try builder.dense(x, builder.parameter("w", .random([4, 16], seed: 3)), nil))
    ])
    let noise = try read(
      """
      {"format": 2, "terms": [
        {"site": "weights", "sigma": 0.3, "schedule": {"kind": "annealed"}},
        {"site": "weights", "sigma": 0.1}]}
      """)
    for path in [NoisePath.exact, .explicit] {
      let plan = try Plan(
        graph, parameters: ParameterBuffers(graph), options: .init(rows: 1, path: path), noise: noise)
      plan.input().update(repeating: 0.5)
      for (progress, sigma) in [(0.0, 0.1.squareRoot()), (0.5, (0.15 * 0.15 + 0.01).squareRoot()), (1, 0.1)] {
        plan.noiseProgress = progress
        var values: [Double] = []
        for seed in 0..<2000 as Range<UInt64> {
          plan.seeds[0] = seed
          plan.forward()
          values.append(Double(plan.output()[0]))
        }
        let mean = values.reduce(0, +) / 2000
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2000).squareRoot()
        #expect(abs(deviation / (2 * sigma) - 1) < 0.08, "\(path) at \(progress): \(deviation)")
      }
    }
  }

  @Test(
    "dropout on a schedule is a schedule of its rate: what is not dropped is kept in the mean",
    arguments: [0.25, 0.5, 1])
  func scheduledDropout(_ left: Double) throws {
    let count = 8192
    func values(_ graph: Graph, _ site: String, _ path: NoisePath) throws -> [Float] {
      let noise = try read(
        """
        {"format": 2, "terms": [
          {"site": "\(site)", "distribution": "dropout", "rate": 0.4, "schedule": {"kind": "annealed"}}]}
        """)
      let plan = try Plan(
        graph, parameters: ParameterBuffers(graph), options: .init(rows: 1, path: path), noise: noise)
      plan.input().update(repeating: 1)
      plan.noiseProgress = 1 - left
      plan.seeds[0] = 5
      plan.forward()
      return Array(plan.output())
    }
    let inputs = GraphBuilder(), x = inputs.input("x", [count]), weights = GraphBuilder(), one = weights.input("x", [1])
    let ones = Tensor([count, 1], [Float](repeating: 1, count: count))
    for path in [NoisePath.exact, .explicit] {
      for found in [
        try values(
          inputs.finish(outputs: [("y", inputs.multiply(x, inputs.constant(.float(Tensor([], [1])), "c")))]), "input",
          path),
        try values(
          weights.finish(outputs: [("y", weights.dense(one, weights.parameter("w", ones), nil))]), "weights", path),
      ] {
        let rate = 0.4 * left, kept = Float(1 / (1 - rate))
        let share = Double(found.count { $0 == 0 }) / Double(count)
        #expect(abs(share - rate) < 5 * (rate * (1 - rate) / Double(count)).squareRoot())
        #expect(found.allSatisfy { $0 == 0 || abs($0 - kept) < 1e-5 })
      }
    }
  }

  @Test("noise on gradients has the distribution and the scale that it says", arguments: Catalog.noises.entries)
  func gradientNoise(_ noise: any Noise.Type) throws {
    let builder = GraphBuilder(), x = builder.input("x", [8]), count = 4096
    let w = builder.parameter("w", .random([count / 8, 8], seed: 3))
    let graph = builder.finish(outputs: [("y", try builder.dense(x, w, nil))])
    let id = try #require(graph.parameters.first)
    var found = Set<[Float]>()
    let own = (noise.init() as? any AddedNoise)?.deviation(of: [count / 8, 8]) ?? 1
    for scale in NoiseModel.Scale.allCases {
      let term = NoiseTerm(
        .gradients, noise.init(), sigma: noise.combination == .adds ? 0.1 : nil,
        scale: noise.combination == .adds ? scale : .absolute)
      let clean = (0..<count).map { Float($0 % 7 - 3) }
      let size: [Double] = clean.map { scale == .absolute ? 1 : scale == .relative ? abs(Double($0)) : 2 }
      let adding = try GradientNoise(NoiseModel([term]), of: graph)
      var sum = 0.0, number = 0
      // Of structured noises few draws are independent.
      for seed in 0..<100 as Range<UInt64> {
        var values = clean
        values.withUnsafeMutableBufferPointer { adding.add(to: $0, of: id, seed: seed, progress: 0) }
        if seed == 0 { found.insert(values) }
        for (value, (was, size)) in zip(values, zip(clean, size)) where size > 0 {
          sum += (Double(value) - Double(was)) * (Double(value) - Double(was)) / (size * size)
          number += 1
        }
      }
      guard noise.combination == .adds else { continue }
      let deviation = (sum / Double(number)).squareRoot()
      #expect(abs(deviation / (0.1 * own) - 1) < 0.06, "\(scale): \(deviation)")
    }
    #expect(found.count == (noise.combination == .adds ? 3 : 1))
  }
}

/// What a file or a recipe may say, and what it may not.
@Suite("Noise as it is written")
struct NoiseSettingTests {
  private func read(_ text: String) throws -> NoiseModel {
    try NoiseModel(JSONDecoder().decode(Setting.self, from: Data(text.utf8)), at: "here")
  }

  @Test("format 1 is read as before")
  func formatOne() throws {
    let old = try read(
      """
      {"terms":[{"distribution":"gaussian","scale":"absolute","sigma":0.03,"site":"weights"},
      {"site":"after_normalisation","sigma":0.1,"distribution":"laplace","scale":"relative"},
      {"site":"activations","sigma":0.5,"distribution":"dropout","scale":"relative"}]}
      """)
    let expected = try NoiseModel([
      .init(.weights, sigma: 0.03), .init(.afterNormalization, sigma: 0.1, scale: .relative, distribution: "laplace"),
      .dropout(.activations, rate: 0.2),
    ])
    #expect(old == expected)
  }

  static let unfit: [(String, String, String?)] = [
    (
      #"{"terms":[{"site":"weights","sigma":0.1,"distribuion":"laplace"}]}"#, "'distribuion'",
      "did you mean 'distribution'?"
    ),
    (#"{"terms":[{"site":"weights","sigma":0.1,"layers":"a*"}]}"#, "'layers'", "say \"format\": 2, which has 'layers'"),
    (
      #"{"format":2,"terms":[{"site":"weights","sigma":0.1,"shedule":"constant"}]}"#, "'shedule'",
      "did you mean 'schedule'?"
    ),
    (#"{"format":2,"terms":[{"site":"weigths","sigma":0.1}]}"#, "'weigths'", "did you mean 'weights'?"),
    (
      #"{"format":2,"terms":[{"site":"weights","sigma":0.1,"distribution":"gausian"}]}"#, "'gausian'",
      "did you mean 'gaussian'?"
    ),
    (
      #"{"format":2,"terms":[{"site":"weights","sigma":0.1,"scale":"absolut"}]}"#, "'absolut'",
      "did you mean 'absolute'?"
    ),
    (
      #"{"format":2,"terms":[{"site":"weights","sigma":0.1,"schedule":"anealed"}]}"#, "'anealed'",
      "did you mean 'annealed'?"
    ),
    (#"{"format":2,"terms":[{"site":"input","distribution":"dropout","rat":0.1}]}"#, "'rat'", "did you mean 'rate'?"),
    (#"{"format":2,"term":[]}"#, "'term'", "did you mean 'terms'?"),
    (#"{"format":3,"terms":[]}"#, "3", "the file is of a later version of Dither"),
    (#"{"format":2}"#, "nothing", nil), (#"[{"site":"weights"}]"#, "nothing", nil), (#"7"#, "'7'", nil),
    (#"[{"site":"input","distribution":"dropout","rate":1}]"#, "1.0", nil),
    (#"[{"site":"input","distribution":"dropout","rate":0.5,"sigma":0.1}]"#, "sigma 0.1", nil),
    (#"[{"site":"input","distribution":"dropout","rate":0.5,"scale":"relative"}]"#, "'relative'", nil),

    (#"[{"site":"input","sigma":0.1,"draws":"group of 1"}]"#, "group of 1", nil),
    (#"[{"site":"input","sigma":0.1,"draws":"some"}]"#, "'some'", nil),
    (#"[{"site":"weights","sigma":0.1,"draws":"group of 4"}]"#, "group of 4", nil),
    (#"[{"site":"input","sigma":0.1,"scale":"relative_to_layer"}]"#, "relative_to_layer", nil),
    (#"[{"site":"input","sigma":-1}]"#, "-1.0", nil), (#"[{"site":"input","sigma":"many"}]"#, "'many'", nil),
    (#"[{"site":"input","sigma":1e9}]"#, "1e+09", nil),
  ]

  @Test("what is not known or does not fit is refused by name", arguments: unfit)
  func refused(_ text: String, _ got: String, _ advice: String?) {
    let error = #expect(throws: GraphError.self) { try read(text) }
    #expect(error?.code == .noise && error?.place.hasPrefix("here") == true)
    #expect(error?.got == got && error?.advice == advice, "\(error.map { "\($0)" } ?? "")")
  }

  @Test("a file says so too, and a writer drops nothing")
  func files() throws {
    var graph = try SmallNets.convolution(channels: (2, 3), size: 4)
    var term = NoiseTerm(.weights, sigma: 0.1)
    term.layers = "conv"
    graph.noise = NoiseModel([term, .dropout(.input, rate: 0.25)])
    #expect(try Graph(onnx: graph.onnx()).noise == graph.noise)
    graph.noise = NoiseModel([.init(.weights, sigma: .nan)])
    #expect(throws: GraphError.self) { try graph.onnx() }
  }
}
