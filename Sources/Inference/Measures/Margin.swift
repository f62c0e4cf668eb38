/// The largest mean probability less the second largest, in [0, 1].
public enum Margin: Measure {
  public static let name = "margin"
  public static let risesWithUncertainty: Bool? = false
  public static func values(_ draws: Draws) -> [Double]? {
    guard !draws.areValues else { return nil }
    let (first, second) = draws.mean.reduce((0.0, 0.0)) { top, p in
      p > top.0 ? (p, top.0) : p > top.1 ? (top.0, p) : top
    }
    return [first - second]
  }
}
