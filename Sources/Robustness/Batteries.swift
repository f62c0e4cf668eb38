import DitherBasics

/// A named list of probes.
public struct Battery: Sendable {
  public let name: String
  public let summary: String
  /// The examples that are taken where nobody says how many.
  public let defaultExamples: Int
  /// The probes, whose radii depend on the kind of images.
  public let probes: @Sendable (ImageShape) -> [ProbeSpec]
}

extension Catalog where Entry == Battery {
  /// All batteries, the shortest first.
  public static let batteries = Catalog("battery", [Battery.smoke, Battery.standard, Battery.full], name: { $0.name })
}
