/// A value of a catalog whose parameters have bounds. They are looked at wherever parameters are laid over the
/// defaults: in recipes, files, requests and at the command line alike.
public protocol Ranged {
  /// - Throws: the parameter that is out of its bounds.
  func check() throws(CatalogError)
}

extension Ranged {
  public func check() throws(CatalogError) {}

  /// - Parameters:
  ///   - parameter: its key.
  ///   - bounds: in words: `0 to 1`.
  public func require(_ isGood: Bool, _ parameter: String, _ bounds: String, _ got: some Any) throws(CatalogError) {
    guard !isGood else { return }
    throw CatalogError(.badValue, at: "'\(parameter)'", expected: bounds, got: "\(got)".clipped())
  }
}
