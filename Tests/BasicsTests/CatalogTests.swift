import DitherBasics
import Testing

private struct Kind: Codable, Sendable, Equatable {
  var steps = 40
  var epsilon: Double = 0.1
  var randomStart = true
  var norm = "linf"
}

private let catalog = Catalog("attack", ["fgsm", "pgd", "square"], name: { $0 })

@Test func theCatalogFindsByName() throws {
  #expect(try catalog.entry(named: "pgd") == "pgd")
  #expect(catalog.names == ["fgsm", "pgd", "square"])
}

@Test(
  "an unknown name is refused with the nearest one", arguments: [("pdg", "pgd"), ("sqare", "square"), ("FGSM", "fgsm")])
func unknownName(_ word: String, _ meant: String) {
  let error = #expect(throws: CatalogError.self) { try catalog.entry(named: word) }
  #expect(error?.code == .unknownName)
  #expect(error?.advice == "did you mean '\(meant)'?")
}

@Test func aNameUnlikeAllOthersGetsNoAdvice() {
  let error = #expect(throws: CatalogError.self) { try catalog.entry(named: "completely different") }
  #expect(error?.advice == nil)
  #expect(error?.description.contains("fgsm, pgd, square") == true)
}

@Test func parametersAreLaidOverDefaults() throws {
  let made = try Parameters.overlay(
    ["steps": "7", "epsilon": "8/255", "randomStart": "false", "norm": "l2"], on: Kind(), of: "pgd")
  #expect(made == Kind(steps: 7, epsilon: 8.0 / 255, randomStart: false, norm: "l2"))
  #expect(try Parameters.overlay([:], on: Kind(), of: "pgd") == Kind())
}

@Test(
  "parameters that do not fit are refused by name",
  arguments: [
    (["step": "7"], CatalogFault.unknownKey), (["steps": "many"], .badValue), (["steps": "1.5"], .badValue),
    (["epsilon": "1/0"], .badValue), (["epsilon": "nan"], .badValue), (["epsilon": "1/2/3"], .badValue),
    (["randomStart": "maybe"], .badValue),
  ])
func badParameters(_ parameters: [String: String], _ code: CatalogFault) {
  let error = #expect(throws: CatalogError.self) { try Parameters.overlay(parameters, on: Kind(), of: "pgd") }
  #expect(error?.code == code)
}

@Test(arguments: [("0.3", 0.3), ("8/255", 8.0 / 255), ("-2", -2), ("1e-3", 1e-3)])
func numbers(_ text: String, _ value: Double) { #expect(Parameters.number(text) == value) }

@Test(arguments: ["", "/", "8/", "inf", "0x", "1/0", "a", "0x10", "0X1p-3", "8/0xff"])
func notNumbers(_ text: String) { #expect(Parameters.number(text) == nil) }
