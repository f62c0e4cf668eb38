import DitherBasics

/// Accuracy by corruption and severity.
public struct CorruptionTable: Codable, Sendable, Equatable {
  /// What the figures may be called: the published files are not what is used here.
  public var title: String
  public var rows: [Row]
  /// How many corruptions the protocol's mean is over.
  public var protocolCorruptions: Int
  /// The mean accuracy over the protocol's corruptions and severities; left out where one is missing.
  public var protocolMean: Double?
  /// The mean error over the baseline's mean error.
  public var relativeError: Double?

  public struct Row: Codable, Sendable, Equatable {
    public var corruption: String
    /// Severities 1 to 5; null where one was not asked for.
    public var accuracies: [Double?]
    public var mean: Double
    public var baselineMean: Double?
  }

  init?(_ probes: [ProbeReport], _ image: ImageShape) {
    let found = probes.filter { $0.kind == .corruption && $0.severity != nil }
    var order: [String] = []
    for probe in found where !order.contains(probe.probe) { order.append(probe.probe) }
    rows = order.map { name in
      let group = found.filter { $0.probe == name }
      let accuracies = (1...5).map { severity in group.first { $0.severity == severity }?.robustAccuracy }
      let baselines = group.compactMap { $0.baseline?.robustAccuracy }
      return Row(
        corruption: name, accuracies: accuracies,
        mean: group.reduce(0) { $0 + $1.robustAccuracy } / Double(max(group.count, 1)),
        baselineMean: baselines.isEmpty ? nil : baselines.reduce(0, +) / Double(baselines.count))
    }
    guard !rows.isEmpty else { return nil }
    let wanted = Self.protocolNames(image)
    protocolCorruptions = wanted.count
    title = image.channels == 3 ? "CIFAR-10-C protocol, regenerated" : "MNIST-C protocol, regenerated"
    let complete = rows.filter { wanted.contains($0.corruption) && $0.accuracies.allSatisfy { $0 != nil } }
    guard !wanted.isEmpty, complete.count == wanted.count else { return }
    protocolMean = complete.reduce(0) { $0 + $1.mean } / Double(complete.count)
    let baselines = complete.compactMap(\.baselineMean)
    if baselines.count == complete.count, let mean = protocolMean {
      let error = 1 - baselines.reduce(0, +) / Double(baselines.count)
      relativeError = error > 0 ? (1 - mean) / error : nil
    }
  }

  /// The published fifteen.
  public static func protocolNames(_ image: ImageShape) -> [String] {
    image.channels == 3
      ? [
        "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur",
        "snow",
        "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression",
      ]
      : [
        "shot_noise", "impulse_noise", "glass_blur", "motion_blur", "shear", "scale", "rotate", "brightness",
        "translate",
        "stripe", "fog", "spatter", "dotted_line", "zigzag", "canny_edges",
      ]
  }

  /// CIFAR-10-C's four beside the fifteen: reported, and in no mean.
  public static let extraNames = ["speckle_noise", "gaussian_blur", "spatter", "saturate"]
}

extension ProbeReport {
  package var severity: Int? {
    guard case .integer(let severity)? = parameters["severity"] else { return nil }
    return severity
  }
}
