import DitherBasics

/// A kind of probe, as the catalog lists it.
public struct ProbeKind: Sendable {
  public let name: String
  public let summary: String
  /// Names and defaults of what can be set; `none` where there is no value by default.
  public let defaults: [String: ParameterValue]
  private let make: @Sendable ([String: String]) throws -> any Probe

  init<P: Probe>(_ type: P.Type) {
    name = P.name
    summary = P.summary
    let defaults = P(), known = ParameterValue.all(of: defaults)
    self.defaults = Parameters.keys(of: defaults).reduce(into: known) { all, key in
      if all[key] == nil { all[key] = .text("none") }
    }
    make = { given in
      let owner = "probe \(P.name)"
      let given = Self.present(given, former: P.formerDefaults)
      try Self.check(given, owner)
      let probe = try Parameters.overlay(given, on: P(), of: owner)
      do { try probe.validate() } catch let error as RobustnessError {
        throw RobustnessError(
          error.code, at: "\(owner) \(error.place)", expected: error.expected, got: error.got, advice: error.advice)
      }
      return probe
    }
  }

  init(attack: any Attack.Type) {
    func kind<A: Attack>(_ type: A.Type) -> ProbeKind { ProbeKind(AttackProbe<A>.self) }
    self = kind(attack)
  }

  init(corruption: any Corruption.Type) {
    func kind<C: Corruption>(_ type: C.Type) -> ProbeKind { ProbeKind(CorruptionProbe<C>.self) }
    self = kind(corruption)
  }

  init(certifier: any Certifier.Type) {
    func kind<C: Certifier>(_ type: C.Type) -> ProbeKind { ProbeKind(CertificateProbe<C>.self) }
    self = kind(certifier)
  }

  /// Parameters in which words and numbers that stood for "not given" are that.
  private static func present(_ given: [String: String], former: [String: String]) -> [String: String] {
    func isSame(_ value: String, _ other: String) -> Bool {
      value == other || Parameters.number(value).map { $0 == Parameters.number(other) } ?? false
    }
    return Dictionary(
      uniqueKeysWithValues: given.map { key, value in
        (key, former[key].map { isSame(value, $0) } ?? false ? "none" : value)
      })
  }

  /// - Throws: for unknown keys, unreadable values and values out of range, by their names.
  public func probe(_ parameters: [String: String] = [:]) throws -> any Probe { try make(parameters) }

  /// Words of a closed set are named in their error; the rest is checked with the overlay.
  private static func check(_ given: [String: String], _ owner: String) throws(RobustnessError) {
    if let target = given["target"] { _ = try Target(parsing: target, at: "\(owner) target") }
    let closed = ["norm": Norm.allCases.map(\.rawValue), "constants": CorruptionConstants.allCases.map(\.rawValue)]
    for (key, known) in closed.sorted(by: { $0.key < $1.key }) {
      guard let word = given[key], word != "none", !known.contains(word) else { continue }
      throw RobustnessError(
        .parameter, at: "\(owner) \(key)", expected: "one of \(known.joined(separator: ", "))",
        got: "'\(word.clipped())'", advice: nearest(to: word, among: known).map { "did you mean '\($0)'?" })
    }
  }
}
