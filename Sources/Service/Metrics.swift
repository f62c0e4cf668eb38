import DitherBasics
import Foundation
import Synchronization

/// The server's counters, written as Prometheus reads them (text format 0.0.4).
final class Metrics: Sendable {
  private struct Call: Hashable {
    var method: String
    var code: String
  }
  private struct State {
    var calls: [Call: UInt64] = [:]
    var latencies: [String: Histogram] = [:]
  }
  /// Values that are asked for when they are read.
  struct Family: Sendable {
    /// One of them.
    struct Value: Sendable {
      /// Names with what they are, in their order.
      var labels: [(name: String, value: String)] = []
      var number: Double

      /// Behind the family's name.
      var suffix = ""

      fileprivate var text: String {
        let inside = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
        let shown = Int64(exactly: number).map { "\($0)" } ?? "\(number)"
        return suffix + (inside.isEmpty ? "" : "{\(inside)}") + " " + shown
      }

      private static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { [0x5C, 0x22, 0x0A].contains($0) }) else { return text }
        return text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
      }

      /// All lines of a histogram.
      static func of(_ histogram: Histogram, _ labels: [(name: String, value: String)]) -> [Value] {
        var total: UInt64 = 0
        let bounds = histogram.bounds.map { "\($0)" } + ["+Inf"]
        let buckets = zip(bounds, histogram.counts).map { bound, count in
          total += count
          return Value(labels: labels + [("le", bound)], number: Double(total), suffix: "_bucket")
        }
        return buckets + [
          Value(labels: labels, number: histogram.sum, suffix: "_sum"),
          Value(labels: labels, number: Double(total), suffix: "_count"),
        ]
      }
    }
    var name: String
    var help: String
    var type: String
    var values: @Sendable () -> [Value]

    /// A gauge.
    static func gauge(_ name: String, _ help: String, _ value: @escaping @Sendable () -> Double) -> Family {
      Family(name: name, help: help, type: "gauge") { [Value(number: value())] }
    }
  }

  private let state = Mutex(State())
  private let families: [Family]

  init(_ families: [Family]) { self.families = families }

  func record(method: String, code: String, latency: Duration) {
    state.withLock { state in
      state.calls[Call(method: method, code: code), default: 0] += 1
      state.latencies[method, default: Histogram(Histogram.seconds)].add(latency.seconds)
    }
  }

  /// Calls of one method.
  struct MethodFigures: Sendable {
    var method: String
    /// By status code, in its order.
    var codes: [(code: String, count: UInt64)]
    /// Seconds.
    var latency: Histogram
  }

  /// Figures of each method that was called, those called most first.
  var methods: [MethodFigures] {
    let now = state.withLock { $0 }
    return now.latencies.map { method, latency in
      let codes = now.calls.filter { $0.key.method == method }.map { (code: $0.key.code, count: $0.value) }
      return MethodFigures(method: method, codes: codes.sorted { $0.code < $1.code }, latency: latency)
    }.sorted { ($1.latency.total, $0.method) < ($0.latency.total, $1.method) }
  }

  var text: String {
    let now = state.withLock { $0 }
    var lines: [String] = []
    func family(_ name: String, _ type: String, _ help: String) {
      lines += ["# HELP \(name) \(help)", "# TYPE \(name) \(type)"]
    }
    family("dither_calls_total", "counter", "Calls that ended, by method and status code.")
    for (call, count) in now.calls.sorted(by: { ($0.key.method, $0.key.code) < ($1.key.method, $1.key.code) }) {
      lines.append("dither_calls_total{method=\"\(call.method)\",code=\"\(call.code)\"} \(count)")
    }
    family("dither_call_seconds", "histogram", "Time from a call's start to its end.")
    for (method, histogram) in now.latencies.sorted(by: { $0.key < $1.key }) {
      lines += Family.Value.of(histogram, [("method", method)]).map { "dither_call_seconds" + $0.text }
    }
    for asked in families {
      family(asked.name, asked.type, asked.help)
      lines += asked.values().map { asked.name + $0.text }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
