import DitherBasics

extension NameScope {
  /// - Parameter name: a model's.
  /// - Throws: `StoreFault.notAllowed`, whether there is such a model or not.
  public func check(model name: String) throws(StoreError) {
    guard !allows(name) else { return }
    let shown = patterns.prefix(4).map { "'\($0)'" }.joined(separator: ", ") + (patterns.count > 4 ? ", …" : "")
    throw StoreError(
      .notAllowed, at: "model '\(name.clipped())'", expected: "one that the caller's token is for: \(shown)",
      got: "another",
      advice: "ask for a token that is for it: `dither tokens create --model '\(name.clipped())'`")
  }
}
