import DitherBasics
import DitherRobustness
import DitherTensor
import Testing

/// What a report writes of its request gives the same request again.
@Suite("Texts of probes, numbers and gates")
struct GateTests {
  private static let typed: [Double] = [
    0, 1, -1, 0.1, 0.25, 0.4, 0.6, 1e-3, 1e-5, 1e-12, 1e-13, 5e-324, 1e300, 1e15, 123_456_789,
  ]
  private static func computed() -> [Double] {
    let level: Double = 8 / 255
    var all: [Double] = [level, -level, level.nextUp, level.nextDown, level + 1e-13, Double(Float(level)), .pi]
    all += [1, 254].map { (level: Double) in level / 255 }
    all.append(Double(1) - 1e-12)
    return all
  }

  @Test("a number that is written is read as itself", arguments: typed + computed())
  func numbers(_ number: Double) {
    let text = ParameterValue.written(number)
    #expect(Parameters.number(text) == number, "\(text)")
    #expect(!text.hasSuffix(".0"))
  }

  @Test("levels of a byte are written as such, and short decimals as decimals")
  func levels() {
    for level in 1...254 {
      let text = ParameterValue.written(Double(level) / 255)
      #expect(text == "\(level)/255" || level % 51 == 0, "\(text)")
    }
    #expect(ParameterValue.written(51.0 / 255) == "0.2" && ParameterValue.written(0.031) == "0.031")
  }

  @Test("a probe that is written is read as itself", arguments: Catalog<ProbeKind>.probes.names)
  func probes(_ name: String) throws {
    let kind = try Catalog<ProbeKind>.probes.entry(named: name)
    let all = ProbeSpec(name, kind.defaults.mapValues(\.description))
    for spec in [ProbeSpec(name), all] {
      #expect(try ProbeSpec(parsing: spec.text) == spec)
      #expect(
        try ProbeSpec(parsing: "  \(spec.text.replacing("=", with: " = ").replacing(",", with: " , "))  ") == spec)
    }
    #expect(try ProbeSpec(parsing: ProbeSpec(name).wholeText).wholeText == ProbeSpec(name).wholeText)
  }

  @Test(
    "a gate that is written is read as itself, whatever its bound",
    arguments: [
      "clean>=0.5", "pgd:epsilon=8/255,norm=linf>=8/255", "calibration.ece15<=0.05", "clean.clean_accuracy>=1e-12",
      "selective.aurc_msp<=-0.25", "deepfool.median_distance:norm=l2>=0.12345678901234567", "pgd<=254/255",
      "clean>=0.03137254901960784", "clean<=1e+300",
    ])
  func gates(_ text: String) throws {
    let gate = try Gate(parsing: text), again = try Gate(parsing: gate.text)
    #expect(again == gate && again.text == gate.text)
    let spaced = text.replacing(">=", with: " >= ").replacing("<=", with: " <= ")
    #expect(try Gate(parsing: " " + spaced + " ") == gate)
    #expect(gate.relation == (text.contains(">=") ? .atLeast : .atMost))
  }

  @Test(
    "what is no gate is refused with how one is written",
    arguments: [
      "", ">=", "clean", "clean=0.5", "clean>0.5", "clean>=nan", "clean>=inf", "clean>=1/0", "clean>=1/2/3",
      "clean>=0.5<=0.6", "clean>=0.5 %", "clean<=", "clean==0.5",
    ])
  func noGates(_ text: String) {
    let error = #expect(throws: RobustnessError.self) { try Gate(parsing: text) }
    #expect(error?.code == .parameter && error?.advice?.contains("pgd:epsilon=8/255>=0.4") == true)
  }

  @Test(
    "what is no probe is refused with the part that is not",
    arguments: [
      ("pgd:", "''"), ("pgd:epsilon", "'epsilon'"), ("pgd:epsilon=", "'epsilon='"), ("pgd:=1", "'=1'"),
      ("pgd:a=1,", "''"), ("pgd:a=1,,b=2", "''"), ("pgd:a=1,a=1", "two"),
    ])
  func noProbes(_ text: String, _ got: String) {
    let error = #expect(throws: RobustnessError.self) { try ProbeSpec(parsing: text) }
    #expect(error?.got == got && error?.place.hasPrefix("probe pgd") == true)
  }
}
