import DitherBasics
import DitherProto
import DitherRobustness
import Foundation

/// The facts that a report in any form states about its subject.
struct ReportFacts: Encodable, Equatable {
  /// Digests, as `sha256:…`.
  var model: String
  var members: [String]
  var data: String
  var seed: UInt64
  var code: String?

  /// - Throws: when it is no report, or one without these facts.
  init(_ report: [UInt8], _ form: ReportForm) throws {
    switch form {
    case .json: self.init(try Dither_V1_AuditReport(json: report))
    case .protobuf: self.init(try Dither_V1_AuditReport(protobuf: report))
    case .html: try self.init(page: String(decoding: report, as: UTF8.self))
    }
    guard model.hasPrefix("sha256:"), data.hasPrefix("sha256:") else {
      throw CommandError(
        .shape, at: "report", expected: "the digests of a model and of its data", got: "'\(model.clipped())'")
    }
  }

  private init(_ report: Dither_V1_AuditReport) {
    model = report.digest
    members = report.members.map(\.digest)
    data = report.dataDigest
    seed = report.seed
    code = report.hasCode ? report.code : nil
  }

  /// Its head says them in `meta` elements.
  private init(page: String) throws {
    let head = page.components(separatedBy: "</head>")[0]
    func all(_ name: String) -> [String] {
      head.components(separatedBy: "<meta name=\"dither:\(name)\" content=\"").dropFirst().map {
        $0.components(separatedBy: "\">")[0]
      }
    }
    model = all("model-digest").first ?? ""
    members = all("member-digest")
    data = all("data-digest").first ?? ""
    code = all("code").first
    guard let seed = all("seed").first.flatMap({ UInt64($0) }) else {
      throw CommandError(.shape, at: "report", expected: "a page that `dither audit` has written", got: "another page")
    }
    self.seed = seed
  }
}
