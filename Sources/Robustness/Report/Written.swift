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
  package static func decimal(_ value: Double) -> String { String(format: "%.3f", value) }
}
