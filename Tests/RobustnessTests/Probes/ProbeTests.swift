import DitherBasics
import DitherRobustness
import DitherTensor
import Testing

@Suite("Probes")
struct ProbeTests {
  @Test("a line gives a probe and its parameters")
  func parsing() throws {
    let spec = try ProbeSpec(parsing: "pgd:norm=linf,epsilon=8/255,steps=20")
    #expect(spec == ProbeSpec("pgd", ["norm": "linf", "epsilon": "8/255", "steps": "20"]))
    #expect(spec.text == "pgd:epsilon=8/255,norm=linf,steps=20")
    #expect(try ProbeSpec(parsing: "clean").text == "clean")
  }

  @Test(
    "what cannot be is refused by the name of its field",
    arguments: [
      ("pdg", "pgd"), ("pgd:epsilon=-1", "epsilon"), ("pgd:epsilon=nan", "epsilon"), ("fgsm:epsilon=inf", "epsilon"),
      ("pgd:epsilon=1e400", "epsilon"), ("pgd:epsilon=8/0", "epsilon"), ("pgd:step=3", "steps"),
      ("pgd:steps=0", "steps"), ("pgd:steps=2.5", "steps"), ("pgd:norm=l3", "norm"), ("pgd:restarts=0", "restarts"),
      ("pgd:draws=0", "draws"), ("pgd:relative_step_size=0", "relative_step_size"), ("clean:epsilon=1", "epsilon"),
      ("pgd:epsilon", "name=value"), ("pgd:epsilon=1,epsilon=2", "epsilon"), ("pgd:", "name=value"),
      ("gaussian_noise:severity=6", "severity"), ("gaussian_noise:sigma=-1", "sigma"),
      ("salt_and_pepper:amount=2", "amount"), ("", "probe"),
    ])
  func refused(_ text: String, _ field: String) {
    #expect {
      _ = try ProbeSpec(parsing: text).resolved()
    } throws: { error in
      let said = "\(error)"
      return (error as? any AnyFault)?.category == .invalidArgument && said.contains(field)
    }
  }

  @Test("the catalog says what can be set", arguments: Catalog.probes.names)
  func defaults(_ name: String) throws {
    let kind = try Catalog.probes.entry(named: name)
    #expect(!kind.summary.isEmpty)
    // Every default, said aloud, is the default.
    let spoken = kind.defaults.mapValues(\.description), image = ImageShape([3, 32, 32])
    let told = try kind.probe(spoken), plain = try kind.probe()
    #expect(told.parameters(of: image) == plain.parameters(of: image))
    #expect(told.condition(of: image) == plain.condition(of: image) && told.variants == plain.variants)
    // Each key is refused when it is misspelt, and the nearest one is named.
    for key in kind.defaults.keys {
      let error = #expect(throws: CatalogError.self) { try kind.probe([key + "x": "1"]) }
      #expect(error?.expected.contains(key) == true)
    }
  }

  @Test(
    "what stood for \"not given\" is still read so",
    arguments: [
      ("gaussian_noise", ["severity": "all", "constants": "auto", "sigma": "0"]),
      ("salt_and_pepper", ["amount": "0.0", "severity": "all"]), ("fog", ["severity": "none", "constants": "none"]),
      ("pgd", ["most_draws": "0"]), ("square", ["most_draws": "none"]),
    ])
  func former(_ name: String, _ parameters: [String: String]) throws {
    let kind = try Catalog.probes.entry(named: name), image = ImageShape([1, 28, 28])
    let told = try kind.probe(parameters), plain = try kind.probe()
    #expect(told.parameters(of: image) == plain.parameters(of: image) && told.variants == plain.variants)
    for key in parameters.keys { #expect(kind.defaults[key]?.description == "none") }
  }

  @Test("one and two severities, and one strength of one's own, are what they say on a chart")
  func titles() throws {
    let image = ImageShape([1, 28, 28])
    func probe(_ text: String) throws -> any Probe { try ProbeSpec(parsing: text).resolved() }
    let three = try probe("fog:severity=3"), four = try probe("fog:severity=4")
    #expect(three.details(of: image) == ["severity 3"] && three.strength(of: image)?.value == 3)
    #expect(three.strength(of: image)?.curve == four.strength(of: image)?.curve)
    let imagenet = try probe("fog:severity=3,constants=imagenet-c")
    #expect(imagenet.condition(of: image) == .corruption(.init(severity: 3, constants: .imagenetc)))
    #expect(imagenet.strength(of: image)?.curve != three.strength(of: image)?.curve)
    let own = try probe("gaussian_noise:sigma=0.3")
    #expect(own.details(of: image) == ["σ = 0.3"] && own.strength(of: image) == nil)
    #expect(own.condition(of: image) == .corruption(.init(severity: nil, constants: .mnistc)))
    let pgd = try probe("pgd:epsilon=8/255,steps=20,norm=l2"), weaker = try probe("pgd:epsilon=0.01,steps=20,norm=l2")
    #expect(pgd.details(of: image) == ["L2", "ε = 8/255", "20 steps"])
    #expect(pgd.strength(of: image)?.curve == weaker.strength(of: image)?.curve)
    #expect(
      pgd.strength(of: image)?.curve != (try probe("pgd:epsilon=0.01,steps=40,norm=l2").strength(of: image)?.curve))
    #expect(try probe("calibration").strength(of: image) == nil)
  }

  @Test("a plan takes a battery or probes, and makes one probe of each severity")
  func plans() throws {
    let plan = try AuditPlan(
      probes: [ProbeSpec("gaussian_noise"), ProbeSpec("gaussian_noise", ["sigma": "0.3"])], exampleCount: 120,
      inputShape: [784])
    #expect(plan.probes.count == 6 && plan.shards.count == 18)
    #expect(plan.shards.map(\.index) == Array(0..<18))
    #expect(throws: RobustnessError.self) { try AuditPlan(probes: [], exampleCount: 1, inputShape: [784]) }
    #expect(throws: RobustnessError.self) {
      try AuditPlan(probes: [ProbeSpec("clean")], battery: "smoke", exampleCount: 1, inputShape: [784])
    }
    #expect(throws: RobustnessError.self) {
      try AuditPlan(probes: [ProbeSpec("clean")], exampleCount: 0, inputShape: [784])
    }
    #expect(throws: CatalogError.self) {
      try AuditPlan(probes: [], battery: "smoky", exampleCount: 1, inputShape: [784])
    }
    for battery in Catalog.batteries.names {
      #expect(try AuditPlan(probes: [], battery: battery, exampleCount: 1, inputShape: [3, 32, 32]).probes.count > 5)
    }
  }
}
