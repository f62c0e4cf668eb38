import DitherBasics
import DitherJobs
import DitherProto
import DitherService
import DitherStore
import DitherTensor
import DitherTestSupport
import Foundation
import SwiftProtobuf
import Testing

/// Pages of the console beside those of models and audits.
@Suite("The console's pages", .serialized) struct ConsolePagesTests {
  private static let most = 100_000
  private static let rows: [[Float]] = [[0, 0.125, 0.25, 0.5, 0.75, 1], [1, 0.5, 0.25, 0.125, 0, 0.0625]]

  private static func bytes(_ rows: [[Float]]) -> Data {
    rows.joined().reduce(into: Data()) { data, value in withUnsafeBytes(of: value) { data.append(contentsOf: $0) } }
  }

  private static func page(_ server: AskedServer, _ path: String, status: Int = 200) async throws -> String {
    let found = try await server.ask(path), text = String(decoding: found.body, as: UTF8.self)
    #expect(found.status == status, "\(path): \(found.status) \(text.prefix(200))")
    #expect(found.body.count <= most, "\(path): \(found.body.count) bytes")
    return text
  }

  @Test("figures at a glance are those of the calls that were made") func glance() async throws {
    try await AskedServer.with(roles: ["predict", "audit"]) { server in
      let before = try await Self.page(server, "/glance")
      #expect(before.contains("No version was asked") && before.contains("<script src=\"/console.js\" defer>"))
      let asked = Dither_V1_PredictRequest.with {
        ($0.model, $0.samples, $0.seed) = ("net", 8, 1)
        ($0.input.type, $0.input.shape, $0.input.data) = (.float32, [2, 6], Self.bytes(Self.rows))
      }
      let message = try asked.jsonUTF8Data()
      for _ in 0..<3 { #expect(try await server.ask("/v1/Inference/Predict", message).status == 200) }
      let after = try await Self.page(server, "/glance")
      #expect(after.contains("3 predictions of 6 rows, 0 failed"))
      for chart in [
        "Draws of a prediction. up to 8: 3", "Computing of a prediction", "Predictive entropy of a row",
        "Mutual information of a row",
      ] { #expect(after.contains("aria-label=\"\(chart)"), "\(chart)") }
      #expect(after.contains("<td>POST /v1/Inference/Predict</td><td data-l=\"answered\">3</td>"), "\(after)")
      #expect(after.contains("Draws of a prediction <span>3, median at most 8, 95 % at most 8</span>"))
      // The script takes this part alone.
      #expect(after.contains("data-place=\"figures\"") && after.contains("<div id=\"figures\">"))
      let model = try await Self.page(server, "/models/net")
      #expect(model.contains("Draws of a prediction. up to 8: 3"))
    }
  }

  @Test("a calibrated regression's page has the rule, the coverage and each value's distances") func calibrated()
    async throws
  {
    try await AskedServer.with(
      roles: ["audit", "publish"],
      configure: { configuration in
        let folder = try #require(configuration.modelsDirectory as String?)
        try Data(TestModels.regression()).write(to: URL(filePath: folder + "/line.onnx"))
      }
    ) { server in
      #expect(try await Self.page(server, "/models/line").contains("<dt>calibrated</dt><dd>no</dd>"))
      let inputs = NoiseAddress(seed: 1).normals(60 * 6), values = NoiseAddress(seed: 2).normals(60 * 2)
      let asked = Dither_V1_CalibrateRequest.with {
        ($0.model, $0.samples, $0.seed) = ("line", 4, 1)
        ($0.examples.inputs.type, $0.examples.inputs.shape) = (.float32, [60, 6])
        $0.examples.inputs.data = Self.bytes([inputs])
        $0.examples.values = values
      }
      let answer = try await server.ask("/v1/Registry/Calibrate", asked.jsonUTF8Data())
      #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
      let page = try await Self.page(server, "/models/line")
      for words in [
        "60 examples", "<dt>intervals</dt><dd>coverage up to 0.984, by the rule normalized",
        "<dt>at coverage 0.9</dt><dd>length: absolute ± ", "<dd>width: absolute ± ",
      ] { #expect(page.contains(words), "\(words)") }
    }
  }

  @Test("without a folder of trainings the page says how to name one") func noRuns() async throws {
    try await AskedServer.with(roles: ["audit"]) { server in
      let page = try await Self.page(server, "/runs"), absent = try await server.ask("/runs/run?at=x")
      #expect(page.contains("dither serve --runs DIR") && absent.status == 404)
    }
  }

  @Test("a search finds parts of names, and a thousand models stay one small page") func search() async throws {
    try await AskedServer.with(roles: ["audit"]) { server in
      #expect(try await Self.page(server, "/?q=NE").contains("<strong>net</strong>@1"))
      let none = try await Self.page(server, "/?q=%3Cb%3E")
      #expect(none.contains("No model has '&lt;b&gt;' in its name or tags.") && !none.contains("<b>"))
      let found = try #require(try await server.running.services.store.models.all().first)
      let many = (1...1000).map { number in
        var version = found
        version.model.name = String(repeating: "n", count: 55) + "-\(number)"
        return version
      }
      let audits = (1...100).map { number in
        Job(
          id: "audit-of-many-\(number)", kind: "audit", subject: many[number].reference, spec: Array("{}".utf8),
          createdBy: "tester")
      }
      let page = IndexPage(models: many, audits: audits).source
      #expect(page.utf8.count <= Self.most && page.contains("900 more"), "\(page.utf8.count)")
    }
  }

  @Test("two audits are compared as dither compare does it") func compare() async throws {
    try await AskedServer.with(roles: ["audit"]) { server in
      var ids: [String] = []
      for seed in [1, 2] as [UInt64] {
        let request = Dither_V1_AuditRequest.with {
          $0.model = "net"
          $0.seed = seed
          $0.probes = [.with { $0.probe = "clean" }, .with { $0.probe = "calibration" }]
          ($0.examples.inputs.type, $0.examples.inputs.shape) = (.float32, [20, 6])
          $0.examples.inputs.data = Self.bytes(Array(repeating: Self.rows, count: 10).flatMap { $0 })
          $0.examples.labels = (0..<20).map { UInt32($0 % 3) }
        }
        let caller = Caller(name: "tester")
        for await event in try await AuditCall(server.running.services).start(request, caller) {
          if case .state(let job) = event, !ids.contains(job.id) { ids.append(job.id) }
        }
      }
      try #require(ids.count == 2)
      let page = try await Self.page(server, "/compare?a=\(ids[0])&b=\(ids[1])")
      #expect(page.contains("Both are about the very same examples") && page.contains("<a href=\"/glance\">"))
      let home = try await Self.page(server, "/")
      #expect(home.contains("action=\"/compare\"") && home.contains("<option value=\"\(ids[0])\">net@1</option>"))
      #expect(try await Self.page(server, "/compare?a=\(ids[0])", status: 400).contains("got no 'b'"))
      #expect(try await server.ask("/compare?a=\(ids[0])&b=none").status == 404)
    }
  }
}
