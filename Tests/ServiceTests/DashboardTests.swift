import DitherService
import DitherTestSupport
import Foundation
import Testing

/// The dashboard of `deploy/grafana` against the metrics of a server that has all of them.
@Suite("Dashboard") struct DashboardTests {
  private struct Dashboard: Decodable {
    struct Place: Decodable {
      var h: Int
      var w: Int
      var x: Int
      var y: Int
    }
    struct Target: Decodable {
      var refId: String
      var expr: String
      var legendFormat: String
    }
    struct Panel: Decodable {
      var id: Int
      var type: String
      var title: String
      var gridPos: Place
      var targets: [Target]?
    }
    struct Variables: Decodable { var list: [Variable] }
    struct Variable: Decodable {
      var name: String
      var definition: String?
    }
    var templating: Variables
    var panels: [Panel]
  }

  /// Prometheus' own labels, beside those of the metrics.
  private static let ownLabels: Set = ["instance", "job", "le"]
  private static let words: Set = [
    "sum", "max", "by", "on", "rate", "increase", "topk", "group_left", "histogram_quantile", "label_values",
  ]

  private static func dashboard() throws -> Dashboard {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try JSONDecoder().decode(
      Dashboard.self, from: Data(contentsOf: package.appending(path: "deploy/grafana/dither.json")))
  }

  /// Names of metrics as they are asked for, with the labels of those that have values.
  private static func metrics() async throws -> (names: Set<String>, labels: Set<String>) {
    let collector = try Collector(), scratch = try Scratch()
    var names: Set<String> = [], labels = ownLabels.union(["statistic", "caller", "bound"])
    try await AskedServer.with(configure: {
      $0.accessLog = scratch.file("access.log")
      $0.traces = try TraceSettings(environment: ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:\(collector.port)"])
    }) { server in
      let zeros = Data(count: 24).base64EncodedString()
      let body = Data(#"{"model": "net", "input": {"type": "FLOAT32", "shape": ["1", "6"], "data": "\#(zeros)"}}"#.utf8)
      #expect(try await server.ask("/v1/Inference/Predict", body).status == 200)
      let text = String(decoding: try await server.ask("/metrics").body, as: UTF8.self)
      for match in text.matches(of: /# TYPE ([a-z_]+) ([a-z]+)/) {
        let name = String(match.1)
        names.formUnion(match.2 == "histogram" ? ["_bucket", "_sum", "_count"].map { name + $0 } : [name])
      }
      for match in text.matches(of: /([a-z_]+)="/) { labels.insert(String(match.1)) }
    }
    return (names, labels)
  }

  @Test("every metric and label that it names is one that the server has")
  func names() async throws {
    let (names, labels) = try await Self.metrics(), dashboard = try Self.dashboard()
    #expect(names.count > 30 && labels.contains("model"))
    let asked =
      dashboard.panels.flatMap { ($0.targets ?? []).map(\.expr) }
      + dashboard.templating.list.compactMap(\.definition)
    #expect(asked.count > 30)
    var used: Set<String> = []
    for expression in asked {
      // Texts and variables are the reader's.
      let bare = expression.replacing(/"[^"]*"/, with: "").replacing(/\$\w+/, with: "")
      for match in bare.matches(of: /[A-Za-z_]+/) {
        let word = String(match.0)
        guard !Self.words.contains(word), !labels.contains(word), word != "h" else { continue }
        #expect(names.contains(word), "\(expression) names \(word)")
        used.insert(word)
      }
      for (open, close) in [("(", ")"), ("[", "]"), ("{", "}")] {
        #expect(bare.components(separatedBy: open).count == bare.components(separatedBy: close).count, "\(expression)")
      }
    }
    let target = dashboard.panels.flatMap { $0.targets ?? [] }
    for match in target.flatMap({ $0.legendFormat.matches(of: /\{\{(\w+)\}\}/).map { String($0.1) } }) {
      #expect(labels.contains(match), "a legend names \(match)")
    }
    // What is counted is shown, but for times that are shown as histograms.
    let sums = ["_us", "_bucket", "_sum", "_count"]
    let unseen = names.subtracting(used).filter { name in !sums.contains { name.hasSuffix($0) } }
    #expect(unseen.subtracting(["nv_inference_request_success", "nv_inference_exec_count"]).isEmpty, "\(unseen)")
  }

  @Test("panels have titles and numbers of their own, and do not lie over each other")
  func panels() throws {
    let panels = try Self.dashboard().panels
    #expect(Set(panels.map(\.id)).count == panels.count && Set(panels.map(\.title)).count == panels.count)
    var taken: Set<[Int]> = []
    for panel in panels {
      let place = panel.gridPos
      #expect(place.x >= 0 && place.x + place.w <= 24 && (panel.type == "row") == (panel.targets == nil))
      for x in place.x..<place.x + place.w {
        for y in place.y..<place.y + place.h { #expect(taken.insert([x, y]).inserted, "\(panel.title)") }
      }
      let names = (panel.targets ?? []).map(\.refId)
      #expect(Set(names).count == names.count, "\(panel.title)")
    }
  }
}
