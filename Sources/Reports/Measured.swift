import DitherRobustness

extension ProbeReport {
  /// Numbers of another model, or of this one in another way.
  func other(_ role: Chart.Series.Role) -> Measured? {
    switch role {
    case .other(let at): others.indices.contains(at) ? others[at] : nil
    case .noiseOff: noiseOff
    case .model, .singleDraw, .chance, .attacked: nil
    }
  }

  func measured(_ role: Chart.Series.Role, clean: Bool = false) -> (value: Double, interval: Interval)? {
    switch role {
    case .model: return clean ? (cleanAccuracy, cleanInterval) : (robustAccuracy, interval)
    case .other, .noiseOff:
      guard let other = other(role) else { return nil }
      guard clean else { return (other.robustAccuracy, other.interval) }
      let right = Int((other.cleanAccuracy * Double(n)).rounded())
      return (other.cleanAccuracy, Proportion(right, of: n).interval)
    case .chance, .attacked: return nil
    case .singleDraw: return singleDraw.map { clean ? (cleanAccuracy, cleanInterval) : ($0.accuracy, $0.interval) }
    }
  }

  func calibration(_ role: Chart.Series.Role) -> Calibration? {
    role == .model ? calibration : other(role)?.calibration
  }
}

extension ProbeReport {
  /// Its parameters, as a reader reads them.
  var written: String {
    parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
  }
}
