import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Testing

import DitherRobustness

@Suite("Layouts and protocols of pictures")
struct LayoutTests {
  private static func model(_ shape: [Int]) throws -> Model {
    let builder = GraphBuilder(name: "net"), x = try builder.flatten(builder.input("x", shape))
    let weight = Tensor.random([3, shape.reduce(1, *)], seed: 1, from: -1, to: 1)
    return try Model(
      builder.finish(outputs: [("logits", try builder.dense(x, builder.parameter("w", weight), nil, name: "fc"))]))
  }

  private static func report(_ shape: [Int], data: [Int]? = nil, _ probes: [String], count: Int = 4) throws -> Report {
    let model = try Self.model(shape), shapeOfData = Shape([count] + (data ?? shape))
    let plan = try AuditPlan(
      probes: probes.map { try ProbeSpec(parsing: $0) }, exampleCount: count, inputShape: model.signature.inputShape)
    let runner = try AuditRunner(
      plan: plan, subject: AuditSubject(name: "net", digest: "", model: model),
      data: AuditData(
        name: "own", inputs: .random(shapeOfData, seed: 2, from: 0, to: 1), labels: (0..<count).map { $0 % 3 }))
    return try runner.report(runner.runAll())
  }

  @Test(
    "data of another layout is refused with both shapes",
    arguments: [
      ([8, 8, 3], [3, 8, 8]), ([3, 8, 8], [8, 8, 3]), ([8, 8, 3], [3, 64]), ([2, 96], [3, 8, 8]), ([192], [8, 8, 3]),
    ])
  func refused(_ model: [Int], _ data: [Int]) {
    #expect { _ = try Self.report(model, data: data, ["clean"]) } throws: {
      ($0 as? RobustnessError).map { "\($0)".contains("\(Shape(model))") && "\($0)".contains("\(Shape(data))") }
        ?? false
    }
  }

  @Test(
    "flat examples are in the model's own order, and axes of extent 1 are nothing",
    arguments: [([8, 8, 3], [192]), ([64], [8, 8, 1]), ([1, 8, 8], [8, 8, 1]), ([8, 8], [1, 8, 8])])
  func taken(_ model: [Int], _ data: [Int]) throws { #expect(try Self.report(model, data: data, ["clean"]).n == 4) }

  private static func turned(_ x: Tensor) -> Tensor {
    let (n, h, w) = (x.shape[0], x.shape[2], x.shape[3])
    return Tensor(
      [n, h, w, 3],
      (0..<n).flatMap { row in
        (0..<h * w).flatMap { p in (0..<3).map { x.elements[(row * 3 + $0) * h * w + p] } }
      })
  }

  @Test("a corruption does to [H, W, 3] what it does to [3, H, W]", arguments: Catalog.corruptions.names)
  func channelsLast(_ name: String) throws {
    let corruption = try Catalog.corruptions.entry(named: name).init()
    let x = Tensor.random([2, 3, 16, 20], seed: 3, from: 0, to: 1)
    let planes = corruption.apply(to: x, identities: [4, 5], severity: 3, seed: 6)
    let pixels = corruption.apply(to: Self.turned(x), identities: [4, 5], severity: 3, seed: 6)
    #expect(pixels == Self.turned(planes))
  }

  @Test("shapes are known as pictures")
  func known() {
    for (shape, extents) in [
      ([3, 32, 30], [3, 32, 30]), ([32, 30, 3], [3, 32, 30]), ([28, 27, 1], [1, 28, 27]), ([3, 4, 3], [3, 4, 3]),
    ] {
      let image = ImageShape(Shape(shape))
      #expect([image.channels, image.height, image.width] == extents && image.isPicture)
      #expect(image.isChannelsLast == (shape == [32, 30, 3]))
    }
  }

  @Test("a protocol's name is given to figures on its own pictures only")
  func titles() throws {
    for (shape, probe, title, sigma) in [
      ([3, 32, 32], "gaussian_noise", "CIFAR-10-C protocol, regenerated", 0.04),
      ([32, 32, 3], "gaussian_noise", "CIFAR-10-C protocol, regenerated", 0.04),
      ([3, 224, 224], "gaussian_noise", "ImageNet-C protocol, regenerated", 0.08),
      ([1, 28, 28], "gaussian_noise", "MNIST-C protocol, regenerated", 0.08),
      ([3, 8, 8], "gaussian_noise", "Corruptions by the constants of CIFAR-10-C, on pictures of 8 × 8", 0.04),
      ([3, 160, 160], "gaussian_noise", "Corruptions by the constants of ImageNet-C, on pictures of 160 × 160", 0.08),
      ([3, 32, 32], "gaussian_noise:constants=imagenet-c", "Corruptions by the constants of ImageNet-C", 0.08),
    ] {
      let report = try Self.report(shape, [probe], count: 2)
      #expect(report.corruptions?.title.hasPrefix(title) == true, "\(report.corruptions?.title ?? "")")
      #expect(report.probes[0].parameters["sigma"] == .number(sigma))
      #expect(report.corruptions?.protocolMean == nil)
    }
  }

  @Test("a protocol is what its corruptions say: fifteen each, four beside")
  func membership() {
    for published in CorruptionConstants.allCases { #expect(published.corruptions.count == 15) }
    #expect(CorruptionConstants.cifar10c.extras == ["speckle_noise", "gaussian_blur", "spatter", "saturate"])
    #expect(CorruptionConstants.cifar10c.corruptions == CorruptionConstants.imagenetc.corruptions)
    #expect(CorruptionConstants.mnistc.corruptions.contains("canny_edges") && CorruptionConstants.mnistc.extras.isEmpty)
  }

  @Test(
    "max-logit and energy tell what is foreign by its logits, behind a softmax too; shares without logits have neither")
  func logits() throws {
    let builder = GraphBuilder(name: "net"), x = try builder.flatten(builder.input("x", [1, 4, 4]))
    let weight = Tensor.random([3, 16], seed: 4, from: 0.5, to: 1.5)
    let z = try builder.dense(x, builder.parameter("w", weight), nil, name: "fc")
    func summary(_ y: Value) throws -> Summary {
      let model = try Model(builder.finish(outputs: [("y", y)]))
      let plan = try AuditPlan(
        probes: [ProbeSpec("ood", ["data": "dark"])], exampleCount: 30, inputShape: [1, 4, 4])
      let runner = try AuditRunner(
        plan: plan, subject: AuditSubject(name: "n", digest: "", model: model),
        data: AuditData(
          name: "own", inputs: .random([30, 1, 4, 4], seed: 1, from: 0.5, to: 1), labels: [Int](repeating: 0, count: 30)
        ),
        otherData: { _ in .random([30, 1, 4, 4], seed: 2, from: 0, to: 0.1) })
      return try #require(runner.report(runner.runAll()).probes[0].summary)
    }
    let found = try summary(z)
    for name in ["max_logit", "energy"] {
      #expect(found["auroc_\(name)"] == 1 && found["fpr95_\(name)"] == 0)
      #expect(found.measures.first { $0.name == "auroc_\(name)" }?.interval != nil)
    }
    let behind = try summary(builder.softmax(z))
    for name in ["max_logit", "energy"] {
      for measure in ["auroc", "aupr", "fpr95"] {
        #expect(behind["\(measure)_\(name)"] == found["\(measure)_\(name)"], "\(measure)_\(name)")
      }
    }
    // The inputs and weights are above 0, and so are these.
    let ones = builder.parameter("ones", Tensor([3, 3], [Float](repeating: 1, count: 9)))
    let shares = try summary(builder.divide(z, builder.dense(z, ones, nil, name: "sums")))
    #expect(shares["auroc_energy"] == nil && shares["auroc_msp"] != nil)
  }

  /// Two layouts of one linear model, whose channels are normalized apart.
  @Test(
    "attacks and certificates say the same of both layouts",
    arguments: ["pgd:epsilon=0.05", "ibp:epsilon=0.02", "smoothing:sigma=0.1,n=200,n0=16"])
  func bothLayouts(_ probe: String) throws {
    let weight = Tensor.random([3, 48], seed: 7, from: -1, to: 1),
      x = Tensor.random([24, 3, 4, 4], seed: 8, from: 0, to: 1)
    func report(_ isLast: Bool) throws -> ProbeReport {
      let builder = GraphBuilder(name: "net"), input = builder.input("x", isLast ? [4, 4, 3] : [3, 4, 4])
      let own = isLast ? Self.turned(weight.reshaped([3, 3, 4, 4])).reshaped([3, 48]) : weight
      var graph = builder.finish(outputs: [
        ("y", try builder.dense(builder.flatten(input), builder.parameter("w", own), nil, name: "fc"))
      ])
      graph.metadata[ModelSignature.normalizationKey] = #"{"mean":[0.5],"deviation":[0.2,1,4]}"#
      let model = try Model(graph), inputs = isLast ? Self.turned(x) : x
      let labels = try model.outputs(model.signature.normalized(inputs)).labels()
      let plan = try AuditPlan(
        probes: [ProbeSpec(parsing: probe)], exampleCount: 24, inputShape: model.signature.inputShape)
      let runner = try AuditRunner(
        plan: plan, subject: AuditSubject(name: "net", digest: "", model: model),
        data: AuditData(name: "own", inputs: inputs, labels: labels))
      return try runner.report(runner.runAll()).probes[0]
    }
    let first = try report(false), last = try report(true)
    // The noise of smoothing falls on other numbers.
    if probe.hasPrefix("smoothing") {
      #expect(abs(first.robustAccuracy - last.robustAccuracy) <= 0.1 && first.cleanAccuracy == last.cleanAccuracy)
    } else {
      #expect(first.perExample == last.perExample)
    }
    #expect(first.robustAccuracy > 0)
  }
}
