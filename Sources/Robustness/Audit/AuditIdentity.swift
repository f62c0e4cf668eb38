import DitherBasics
import DitherGraph
import DitherTensor
import Foundation

extension AuditRunner {
  /// All that the result of a shard depends on but the program and the machine, by names for people: what it is, and
  /// what a caller may do whose own is another. Gates judge results and change none.
  public var identity: [(name: String, value: String, remedy: String)] {
    [
      ("model", Self.text(of: subject), "give the same file, noise, temperature and output kind"),
      (
        "baselines", others.map { Self.text(of: $0) }.joined(separator: " "),
        "give the same baselines in the same order"
      ),
      ("data", data.digest, "give the same examples and labels"),
      ("first example", "\(data.start)", "give the same part of the data"),
      ("tolerance", data.tolerances.map { "\($0)" }.joined(separator: " "), "say the same --tolerance"),
      ("examples", "\(plan.exampleCount)", "give the same part of the data"),
      ("targets and features", text(ofSpace: data), "give the same --targets and --features"),
      (
        "other data",
        otherData.sorted { $0.key < $1.key }.map { Self.text(of: $0.value, $0.key) }.joined(separator: " "),
        "give the same data"
      ),
      ("probes", plan.probes.map(\.wholeText).joined(separator: "\n"), "ask for the same battery or probes"),
      ("seed", "\(plan.seed)", "say the same --seed"),
      ("samples", "\(plan.samples)", "say the same --samples"),
    ]
  }

  private static func text(of subject: AuditSubject) -> String {
    let kind = subject.outputKind?.rawValue ?? "its own"
    // A file's digest is that of its bytes, whatever noise was said.
    let noise = subject.saidNoise.isEmpty ? "its own" : subject.saidNoise.joined(separator: " ")
    return "\(subject.digest), noise \(noise), temperature \(subject.temperature), output \(kind)"
  }

  private static func text(of inputs: Tensor, _ name: String) -> String {
    var hash = Sha256()
    for extent in inputs.shape.dimensions { hash.update("\(extent) ".utf8) }
    inputs.elements.withUnsafeBytes { hash.update($0) }
    return "\(name) \(hash.finish())"
  }

  private func text(ofSpace data: AuditData) -> String {
    var hash = Sha256()
    hash.update("\(data.targets ?? [])".utf8)
    if let features = data.features {
      hash.update("\(features.low) \(features.high) \(features.fixed.sorted())".utf8)
    }
    return "\(hash.finish())"
  }
}
