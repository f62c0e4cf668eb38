import DitherService
import Foundation
import Testing

@Suite("Metrics") struct MetricsTests {
  private struct Line {
    var name: String
    var labels: [String: String]
    var number: Double

    init?(_ text: Substring) {
      guard let match = text.wholeMatch(of: /([a-z_:]+)(?:\{(.*)\})? (\S+)/), let number = Double(match.3) else {
        return nil
      }
      name = String(match.1)
      self.number = number
      labels = [:]
      for pair in (match.2 ?? "").matches(of: /([a-z_]+)="([^"]*)"/) { labels[String(pair.1)] = String(pair.2) }
    }
  }

  @Test("they are in Prometheus' form, by version, and count what was asked")
  func form() async throws {
    try await AskedServer.with(roles: ["predict"]) { server in
      let zeros = Data(count: 48).base64EncodedString()
      let input = #""input": {"type": "FLOAT32", "shape": ["2", "6"], "data": "\#(zeros)"}"#
      let body = Data(#"{"model": "net", "samples": 4, "seed": "1", \#(input)}"#.utf8)
      for _ in 0..<3 {
        let answer = try await server.ask("/v1/Inference/Predict", body)
        #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
      }
      let text = String(decoding: try await server.ask("/metrics").body, as: UTF8.self)
      var kinds: [String: String] = [:], lines: [Line] = []
      for line in text.split(separator: "\n") {
        if let match = line.wholeMatch(of: /# TYPE ([a-z_]+) ([a-z]+)/) {
          #expect(kinds.updateValue(String(match.2), forKey: String(match.1)) == nil, "\(match.1) twice")
        } else if !line.hasPrefix("# HELP ") {
          lines.append(try #require(Line(line), "\(line)"))
        }
      }
      func own(_ name: String) -> [Line] { lines.filter { $0.name == name && $0.labels["model"] == "net" } }
      #expect(own("nv_inference_request_success").first?.number == 3)
      #expect(own("nv_inference_count").first?.number == 6)
      #expect(own("nv_inference_count").first?.labels == ["model": "net", "version": "1"])
      #expect(own("dither_samples_total").first?.number == 24)
      for (name, count) in [
        ("dither_draws", 3.0), ("dither_queue_seconds", 3), ("dither_predictive_entropy_nats", 6),
        ("dither_mutual_information_nats", 6), ("dither_set_classes", 0),
      ] {
        let buckets = own(name + "_bucket").map(\.number)
        #expect(kinds[name] == "histogram" && buckets == buckets.sorted() && buckets.last == count, "\(name)")
        #expect(own(name + "_count").first?.number == count)
      }
      // All four draws of each request are within (2, 4].
      #expect(own("dither_draws_bucket").first { $0.labels["le"] == "2.0" }?.number == 0)
      #expect(own("dither_draws_bucket").first { $0.labels["le"] == "4.0" }?.number == 3)
      #expect(own("dither_draws_sum").first?.number == 12)
      #expect(lines.first { $0.name == "process_resident_memory_bytes" }.map { $0.number > 1e6 } == true)
      #expect(lines.contains { $0.name == "process_cpu_seconds_total" && $0.number > 0 })
      #expect(lines.contains { $0.name == "dither_build_info" && $0.labels["code"] != nil })
      let families = Set(kinds.keys)
      for line in lines {
        let bare = ["_bucket", "_sum", "_count"].reduce(line.name) {
          $0.hasSuffix($1) ? String($0.dropLast($1.count)) : $0
        }
        #expect(families.contains(line.name) || kinds[bare] == "histogram", "\(line.name) has no type")
      }
    }
  }
}
