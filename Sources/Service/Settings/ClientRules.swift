import DitherBasics
import DitherTransport

extension ClientRule {
  /// Rules of one server.
  static let mostRules = 256
  /// The form of a list of them, in words.
  static let form = "a list of clients: cn or uri, roles, models, calls-per-second, samples-per-second"
  private static let keys = ["cn", "uri", "roles", "models", "calls-per-second", "samples-per-second"]

  /// - Parameters:
  ///   - text: a list in YAML, as `[{cn: app, roles: [predict]}]`.
  ///   - place: where it is from, for messages.
  /// - Throws: `ServiceFault.configuration` with the rule and its key.
  static func rules(of text: String, at place: String) throws(ServiceError) -> [ClientRule] {
    let value: Setting
    do { value = try BoundedYaml.entries("clients: \(text)", at: place).first?.value ?? Setting.none } catch {
      throw ServiceError(.configuration, at: error.place, expected: form, got: error.got)
    }
    guard case .list(let list) = value, (1...mostRules).contains(list.count) else {
      throw ServiceError(
        .configuration, at: place, expected: "\(form); 1 to \(mostRules) of them", got: "'\(text.clipped())'")
    }
    var rules: [ClientRule] = []
    for (at, entry) in list.enumerated() { rules.append(try ClientRule(entry, at: "\(place), client \(at + 1)")) }
    return rules
  }

  private init(_ entry: Setting, at place: String) throws(ServiceError) {
    func refuse(_ key: String, _ expected: String, _ got: String, _ advice: String? = nil) -> ServiceError {
      ServiceError(.configuration, at: "\(place), '\(key)'", expected: expected, got: got.clipped(), advice: advice)
    }
    guard case .mapping(let map) = entry else {
      throw ServiceError(.configuration, at: place, expected: Self.form, got: "'\("\(entry)".clipped())'")
    }
    if let key = map.keys.sorted().first(where: { !Self.keys.contains($0) }) {
      throw refuse(
        key.clipped(), "one of \(Self.keys.joined(separator: ", "))", "another",
        nearest(to: key, among: Self.keys).map { "did you mean '\($0)'?" })
    }
    func words(_ key: String) throws(ServiceError) -> [String] {
      let items: [Setting]
      switch map[key] {
      case nil: return []
      case .list(let list): items = list
      case let one?: items = [one]
      }
      var words: [String] = []
      for item in items {
        switch item {
        case .text, .number: words.append("\(item)")
        default: throw refuse(key, "words", "\(item)")
        }
      }
      return words
    }
    func rate(_ key: String) throws(ServiceError) -> Int? {
      guard let value = map[key] else { return nil }
      guard case .number(let number) = value, let whole = Int(exactly: number), (0...1_000_000_000).contains(whole)
      else { throw refuse(key, "0 (no bound) to 1000000000", "'\(value)'") }
      return whole
    }
    let cn = try words("cn"), uri = try words("uri")
    guard cn.count + uri.count == 1, let name = (cn + uri).first, !name.isEmpty else {
      throw refuse("cn", "the name in the certificate: either cn or uri", "\(cn.count + uri.count) names")
    }
    var roles: Set<Role> = []
    for word in try words("roles") {
      guard let role = Role(rawValue: word) else {
        let known = Role.allCases.map(\.rawValue)
        throw refuse(
          "roles", "some of \(known.joined(separator: ", "))", "'\(word)'",
          nearest(to: word, among: known).map { "did you mean '\($0)'?" })
      }
      roles.insert(role)
    }
    guard !roles.isEmpty else { throw refuse("roles", "at least one role", "none") }
    let models = try words("models")
    guard models.count <= NameScope.mostPatterns, models.allSatisfy(NameScope.isPattern) else {
      throw refuse("models", "at most \(NameScope.mostPatterns) patterns: \(NameScope.form)", "\(models)")
    }
    self.init(
      cn.isEmpty ? .uri(name) : .commonName(name), roles: roles, scope: NameScope(models),
      callsPerSecond: try rate("calls-per-second"), samplesPerSecond: try rate("samples-per-second"))
  }
}
