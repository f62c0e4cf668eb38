import DitherBasics

/// Parameters that an optimizer moves faster, slower or not at all: an item of a recipe's `parameter_groups`.
public struct ParameterGroup: Codable, Sendable, Ranged {
  /// A pattern of names, in which `*` stands for any letters: `*.norm.shift`.
  public var parameters = "*"
  /// A factor on the learning rate, 0 or more; at 0 they stay as they are.
  public var rate = 1.0
  /// A factor on the decay, 0 or more.
  public var decay = 1.0
  public init() {}

  public func check() throws(CatalogError) {
    try require(!parameters.isEmpty, "parameters", "a pattern of names", parameters)
    try require((0...1e6).contains(rate), "rate", "0 to 1e6", rate)
    try require((0...1e6).contains(decay), "decay", "0 to 1e6", decay)
  }

  /// - Throws: where a group has no parameter.
  static func check(_ groups: [ParameterGroup], _ names: [String]) throws(TrainError) {
    for (at, group) in groups.enumerated() where !names.contains(where: { isMatch($0, group.parameters) }) {
      throw TrainError(
        .recipe, at: "recipe, 'parameter_groups', item \(at + 1), 'parameters'",
        expected: "a pattern that fits one of \(names.joined(separator: ", "))".clipped(to: 400),
        got: "'\(group.parameters.clipped())'",
        advice: nearest(to: group.parameters, among: names).map { "did you mean '\($0)'?" })
    }
  }
}
