import DitherBasics
import DitherTensor
import Foundation

/// A way of choosing points of a sweep, before anything is trained.
///
/// Its properties are its parameters: keys of `search` in a sweep file. A search is one file and one line below.
public protocol Search: Codable, Sendable, Ranged {
  /// Its name in sweep files.
  static var name: String { get }
  /// The defaults, over which a file's parameters are laid.
  init()
  /// Points, each with a value for every axis; the same each time.
  /// - Throws: where an axis is none for it.
  func points(_ axes: [SweepAxis]) throws(TrainError) -> [[Setting]]
}

extension Catalog where Entry == any Search.Type {
  /// Every search that a sweep file may name.
  public static let searches = Catalog(
    "search", [GridSearch.self, RandomSearch.self, SobolSearch.self], name: { $0.name })
}

/// A key of a recipe that a sweep changes, with what it may be.
public struct SweepAxis: Sendable, Equatable {
  /// As after `--set`: `noise.0.sigma`.
  public let key: String
  /// The values.
  public let domain: Domain

  /// The values that a key may have.
  public enum Domain: Sendable, Equatable {
    /// One of a list.
    case list([Setting])
    /// A number of a range, alike by itself or by its logarithm; `isWhole`: rounded.
    case range(ClosedRange<Double>, isLogarithmic: Bool, isWhole: Bool)
  }

  /// - Parameter key: as after `--set`.
  public init(key: String, domain: Domain) {
    self.key = key
    self.domain = domain
  }

  /// The value at a share of the domain, 0 to below 1.
  func value(at share: Double) -> Setting {
    switch domain {
    case .list(let values): return values[min(Int(share * Double(values.count)), values.count - 1)]
    case .range(let range, let isLogarithmic, let isWhole):
      let (low, high) = (range.lowerBound, range.upperBound)
      let found = isLogarithmic ? exp(log(low) + share * (log(high) - log(low))) : low + share * (high - low)
      // Four digits are enough to say it and to try it again.
      return .number(isWhole ? Self.whole(found, in: range) : Double(String(format: "%.4g", found)) ?? found)
    }
  }

  /// The nearest whole number that lies in the range, which has one.
  private static func whole(_ number: Double, in range: ClosedRange<Double>) -> Double {
    min(max(number.rounded(), range.lowerBound.rounded(.up)), range.upperBound.rounded(.down))
  }
}

extension Search {
  /// The most points of one sweep.
  static var mostPoints: Int { 100_000 }
}
