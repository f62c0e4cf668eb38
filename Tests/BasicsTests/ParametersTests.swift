import DitherBasics
import Testing

private struct Kind: Codable, Sendable, Equatable {
  var steps = 40
  var severity: Int?
  var constants: [Double]?
  var norm: String?
  var isFast: Bool?
}

@Suite("Parameters that may be nil")
struct ParametersTests {
  @Test("are set by what their types take, and made nil again")
  func optional() throws {
    let made = try Parameters.overlay(
      ["severity": "3", "constants": "[0.1,1]", "norm": "l2", "isFast": "yes"], on: Kind(), of: "kind")
    #expect(made == Kind(severity: 3, constants: [0.1, 1], norm: "l2", isFast: true))
    #expect(try Parameters.overlay(["severity": "none"], on: Kind(), of: "kind") == Kind())
    #expect(try Parameters.overlay(["norm": "2"], on: Kind(), of: "kind").norm == "2")
    let settings: [String: Setting] = ["severity": .number(4), "constants": .list([.number(2)]), "steps": .text("7")]
    #expect(
      try Parameters.overlay(settings: settings, on: Kind(), of: "kind") == Kind(steps: 7, severity: 4, constants: [2]))
  }

  @Test("are known by name") func names() {
    #expect(Parameters.keys(of: Kind()) == ["constants", "isFast", "norm", "severity", "steps"])
    let error = #expect(throws: CatalogError.self) {
      try Parameters.overlay(["severty": "3"], on: Kind(), of: "kind")
    }
    #expect(error?.advice == "did you mean 'severity'?")
  }

  @Test(
    "are refused where their types do not take it",
    arguments: [("severity", "many"), ("severity", "1.5"), ("isFast", "7")])
  func refused(_ key: String, _ text: String) {
    let error = #expect(throws: CatalogError.self) { try Parameters.overlay([key: text], on: Kind(), of: "kind") }
    #expect(error?.code == .badValue && error?.place == "kind \(key)")
  }

  @Test("a setting is written and read as JSON would have it")
  func settings() {
    let any: [String: Any] = ["a": 1, "b": 0.5, "c": true, "d": "x", "e": [1, "y"], "f": ["g": false]]
    #expect("\(Setting(any))" == "{a: 1, b: 0.5, c: true, d: x, e: [1, y], f: {g: false}}")
    #expect(Setting(nil) == .none)
  }

  private enum Loss: String, Codable, CaseIterable { case crossEntropy = "ce", dlr }
  private struct Worded: Codable, Equatable {
    var lossKind = Loss.dlr
    var width: Float = 1
    private enum CodingKeys: String, CodingKey { case lossKind = "loss_kind", width }
  }

  @Test("a word that a parameter does not know is refused with those that it does")
  func words() {
    let error = #expect(throws: CatalogError.self) {
      try Parameters.overlay(["loss_kind": "dl", "width": "2"], on: Worded(), of: "attack")
    }
    #expect(error?.place == "attack loss_kind" && error?.expected == "one of ce, dlr" && error?.got == "'dl'")
    #expect(error?.advice == "did you mean 'dlr'?")
    let large = #expect(throws: CatalogError.self) {
      try Parameters.overlay(["width": "1e39"], on: Worded(), of: "attack")
    }
    #expect(large?.place == "attack width" && large?.expected == "a number within its range")
  }

  @Test(
    "a slip of the hand is near, another word is not",
    arguments: [
      ("rate", ["site"], nil), ("pdg", ["pgd"], "pgd"), ("apgd", ["apgd_t", "pgd"], "pgd"),
      ("sgima", ["sigma", "site"], "sigma"), ("rat", ["rate"], "rate"),
      ("fast", ["format"], nil),
      ("eps", ["steps", "epsilon"], "epsilon"), ("step", ["steps", "step_size"], "steps"),
      ("distribuion", ["distribution"], "distribution"),
    ] as [(String, [String], String?)])
  func near(_ word: String, _ known: [String], _ wanted: String?) { #expect(nearest(to: word, among: known) == wanted) }
}
