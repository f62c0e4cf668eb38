import Foundation

/// Numbers as a person reads them.
package enum Written {
  package static func percent(_ value: Double) -> String { String(format: "%.1f %%", value * 100) }
  package static func points(_ value: Double) -> String {
    let text = String(format: "%.1f", value * 100)
    return text == "-0.0" ? "0.0" : text
  }
  package static func interval(_ interval: Interval) -> String {
    "\(points(interval.low)) to \(points(interval.high))"
  }
  package static func probability(_ p: Double) -> String { p < 0.001 ? "p < 0.001" : String(format: "p = %.3f", p) }
  /// With four digits, and not in powers of ten.
  package static func number(_ value: Double) -> String {
    let size = abs(value)
    guard size > 1e-9, size < 1e-4 || size >= 1e4, size < 1e15 else { return String(format: "%.4g", value) }
    // Small ones have two digits: their differences are seldom more exact.
    let digits = size >= 1 ? 0 : 1 - Int(log10(size).rounded(.down))
    return String(format: "%.\(digits)f", value)
  }
  package static func decimal(_ value: Double) -> String { String(format: "%.3f", value) }
}
