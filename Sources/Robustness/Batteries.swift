import DitherBasics

/// A named list of probes.
public struct Battery: Sendable {
  public let name: String
  public let summary: String
  /// The examples that are taken where nobody says how many.
  public let defaultExamples: Int
  /// The probes, whose radii depend on the kind of images.
  public let probes: @Sendable (ImageShape) -> [ProbeSpec]

  /// The probes of a battery that take a regression, and the one of its errors behind the first.
  static func forValues(_ probes: [ProbeSpec]) throws -> [ProbeSpec] {
    var taken = try probes.filter { try $0.resolved().takesValues }
    taken.insert(ProbeSpec(ErrorsProbe.name), at: min(1, taken.count))
    return taken
  }
}

extension Catalog where Entry == Battery {
  /// All batteries, the shortest first.
  public static let batteries = Catalog("battery", [Battery.smoke, Battery.standard, Battery.full], name: { $0.name })
}
