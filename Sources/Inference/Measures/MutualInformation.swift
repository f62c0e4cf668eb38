/// H[p̄] − mean H[p_s], at least 0: what more data could remove (epistemic), in nats. Houlsby et al. 2011, arXiv
/// 1112.5745. Biased low by O(1/S) at S draws. Absent below two draws.
public enum MutualInformation: Measure {
  public static let name = "mutual_information"
  public static let heading = "+ epistemic"
  public static func values(_ draws: Draws) -> [Double]? {
    draws.samples > 1 && !draws.areValues ? [max(0, entropy(draws.mean) - draws.meanEntropy)] : nil
  }
}
