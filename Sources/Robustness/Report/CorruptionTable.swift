import DitherBasics

/// Accuracy by corruption and severity.
public struct CorruptionTable: Codable, Sendable, Equatable {
  /// The name that the figures may have: the published files are not what is used here.
  public var title: String
  public var rows: [Row]
  /// How many corruptions the protocol's mean is over.
  public var protocolCorruptions: Int
  /// The mean accuracy over the protocol's corruptions and severities; left out where one is missing.
  public var protocolMean: Double?
  /// The mean error over that of each other model; null where that makes none. Left out without a protocol's mean.
  public var relativeErrors: [Double?]?

  /// One corruption.
  public struct Row: Codable, Sendable, Equatable {
    /// Its name in the catalog.
    public var corruption: String
    /// Severities 1 to 5; null where one was not asked for.
    public var accuracies: [Double?]
    /// The mean accuracy over the severities that were asked for.
    public var mean: Double
    /// The other models' means, in the order of the report's comparisons.
    public var otherMeans: [Double]
  }

  init?(_ probes: [ProbeReport], _ image: ImageShape) {
    let found = probes.filter { $0.kind == .corruption && $0.severity != nil }
    var order: [String] = []
    for probe in found where !order.contains(probe.probe) { order.append(probe.probe) }
    rows = order.map { name in
      let group = found.filter { $0.probe == name }
      let accuracies = (1...5).map { severity in group.first { $0.severity == severity }?.robustAccuracy }
      return Row(
        corruption: name, accuracies: accuracies,
        mean: group.reduce(0) { $0 + $1.robustAccuracy } / Double(max(group.count, 1)),
        otherMeans: (group.first?.others ?? []).indices.map { at in
          group.reduce(0) { $0 + $1.others[at].robustAccuracy } / Double(group.count)
        })
    }
    guard !rows.isEmpty else { return nil }
    let inForce = Set(found.compactMap(\.corruption?.constants)), isOne = inForce.count == 1
    let constants = isOne ? inForce.first ?? image.constants : image.constants
    let isPublished = isOne && constants.covers(image), wanted = isPublished ? constants.corruptions : []
    protocolCorruptions = wanted.count
    title =
      isPublished
      ? "\(constants.title) protocol, regenerated"
      : isOne
        ? "Corruptions by the constants of \(constants.title), on pictures of \(image.height) × \(image.width): no published protocol"
        : "Corruptions by the constants of several protocols"
    let complete = rows.filter { wanted.contains($0.corruption) && $0.accuracies.allSatisfy { $0 != nil } }
    guard !wanted.isEmpty, complete.count == wanted.count else { return }
    let mean = complete.reduce(0) { $0 + $1.mean } / Double(complete.count)
    protocolMean = mean
    relativeErrors = complete[0].otherMeans.indices.map { at in
      let error = 1 - complete.reduce(0) { $0 + $1.otherMeans[at] } / Double(complete.count)
      return error > 0 ? (1 - mean) / error : nil
    }
  }
}

extension ProbeReport {
  /// The severity of a corruption, 1 to 5; nil where there is none.
  package var severity: Int? {
    corruption?.severity
  }
}
