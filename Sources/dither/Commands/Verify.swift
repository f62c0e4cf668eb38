import ArgumentParser
import DitherBasics
import DitherDatasets
import DitherProto
import DitherRobustness
import Foundation

/// `dither verify`: whether a report is what its signer wrote, and of which model. Needs no server.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Check a signed report, and that it is about a model.",
    discussion: """
      Takes a report in any of its forms: HTML, JSON or protobuf. Without --key only the report's own word says who signed \
      it: get the key from who made the report, and not with the report.

      Example: dither verify report.html --key report-key.pub.pem --model model.onnx --data mnist:200
      """)

  @Argument(help: "A report as HTML, JSON or protobuf.")
  var report: String
  @Option(help: "The signer's public key: a PEM file, or base64 as reports show it.")
  var key: String?
  @Option(name: .customLong("model"), help: "An ONNX file that the report must be about; of an ensemble each member.")
  var models: [String] = []
  @Option(help: "The examples that the report must be about: \(DataHelp.reference), or with --labels a file of inputs.")
  var data: String?
  @Option(help: "Class numbers, or the values of a regression, as .npy, with --data FILE.")
  var labels: String?
  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if let data { try AuditExamples.checkOptions(data, labels: labels) }
  }

  func run() throws {
    let bytes = try FileArray.read(report), form = ReportForm(of: bytes)
    let trusted = try key.map(publicKey)
    guard let (body, signer) = try ReadFile.naming(report, { try form.opened(bytes) }) else {
      throw CommandFailure(status: .checkFailed, message: "\(report): there is no signature in this report")
    }
    if let trusted, trusted != signer {
      throw CommandFailure(status: .checkFailed, message: "\(report): signed by \(signer), not by \(trusted)")
    }
    let facts = try ReportFacts(body, form)
    try checkModels(facts)
    try checkData(facts)
    let found = Output(
      form: form.rawValue, signer: signer.base64, isSignerTrusted: trusted != nil, facts: facts,
      isModelChecked: !models.isEmpty, isDataChecked: data != nil, isSameCode: facts.code == Dither.code)
    if json { try Json.print(found) } else { print(table(found.rows)) }
  }

  private func publicKey(_ text: String) throws -> Ed25519.PublicKey {
    if let key = Ed25519.PublicKey(base64: text.hasPrefix("ed25519:") ? String(text.dropFirst(8)) : text) { return key }
    return try ReadFile.naming(text) { try Ed25519.PublicKey(pem: FileArray.read(text)) }
  }

  private func checkModels(_ facts: ReportFacts) throws {
    guard !models.isEmpty else { return }
    let known = facts.members.isEmpty ? [facts.model] : facts.members
    let given = try models.map { path in (path: path, digest: try ModelFile.digest(path)) }
    for (path, digest) in given where !known.contains(digest) {
      throw CommandFailure(
        status: .checkFailed,
        message: "\(path) is \(digest); the report is about \(known.joined(separator: ", "))")
    }
    guard let missing = known.first(where: { digest in !given.contains { $0.digest == digest } }) else { return }
    throw CommandFailure(
      status: .checkFailed, message: "the report is about an ensemble: give --model for its member \(missing) too")
  }

  private func checkData(_ facts: ReportFacts) throws {
    guard let data else { return }
    // Whole numbers may be classes or values: the report's model knew.
    var digest: String?, fault: (any Error)?
    for kind in [nil, TargetKind.regression] {
      do {
        let examples = try AuditExamples(data, labels: labels, targets: kind)
        var own = try AuditData(name: data, inputs: examples.tensor, targets: examples.targets)
        own.layout = examples.layout
        own.byteInputs = examples.byteInputs
        // A model of integers had its bytes as they came.
        if own.digest == facts.data || own.withWholeBytes.digest == facts.data { return }
        digest = digest ?? own.digest
      } catch { fault = fault ?? error }
    }
    if let digest {
      throw CommandFailure(status: .checkFailed, message: "\(data) is \(digest); the report is about \(facts.data)")
    }
    if let fault { throw fault }
  }

  private struct Output: Encodable {
    var form: String
    var signer: String
    var isSignerTrusted: Bool
    var facts: ReportFacts
    var isModelChecked: Bool
    var isDataChecked: Bool
    var isSameCode: Bool

    var rows: [[String]] {
      var rows = [
        [
          "signature",
          "valid, by ed25519:\(signer)" + (isSignerTrusted ? "" : "  (whose that is nobody says: give --key)"),
        ],
        ["model", facts.model + (isModelChecked ? "  (the file given)" : "")],
      ]
      for member in facts.members { rows.append(["member", member + (isModelChecked ? "  (a file given)" : "")]) }
      rows += [
        ["data", facts.data + (isDataChecked ? "  (the examples given)" : "")], ["seed", "\(facts.seed)"],
        ["code", (facts.code ?? "not said") + (isSameCode ? "  (this program)" : "")],
      ]
      return rows
    }
  }
}
