/// mean H[p_s]: what more data could not remove (aleatoric), in nats, at most ln K. Absent below two draws, which do
/// not divide the predictive entropy.
public enum ExpectedEntropy: Measure {
  public static let name = "expected_entropy"
  public static let heading = "= aleatoric"
  public static func values(_ draws: Draws) -> [Double]? {
    draws.samples > 1 && !draws.areValues ? [draws.meanEntropy] : nil
  }
}
