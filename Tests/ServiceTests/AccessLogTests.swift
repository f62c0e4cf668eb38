import DitherBasics
import DitherService
import DitherTestSupport
import Foundation
import Logging
import Synchronization
import Testing

@Suite("The access log and slow calls", .serialized) struct AccessLogTests {
  private struct Line: Decodable {
    var time: String
    var call: UInt64
    var door: String
    var method: String
    var code: String
    var caller: String
    var peer: String
    var ms: Double
    var response_bytes: Int
    var trace: String?
  }
  private static let list = "/v1/Registry/ListModels"

  private static func lines(_ path: String, atLeast count: Int) async throws -> [Line] {
    let end = ContinuousClock.now + .seconds(60)
    while true {
      let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
      let found = text.split(separator: "\n")
      if found.count >= count || ContinuousClock.now > end {
        return try found.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  @Test("every call has a line, and a file that was moved away is made anew")
  func access() async throws {
    let scratch = try Scratch(), path = scratch.file("access.log")
    try await AskedServer.with(configure: { $0.accessLog = path }) { server in
      let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
      let header = ["traceparent": "00-\(trace)-00f067aa0ba902b7-00"]
      #expect(try await server.ask(Self.list, Data(), headers: header).status == 200)
      #expect(try await server.ask(Self.list, Data(), token: .some("wrong")).status == 401)
      let lines = try await Self.lines(path, atLeast: 2)
      #expect(lines.count == 2 && lines.allSatisfy { $0.door == "http" && $0.peer.contains("127.0.0.1") })
      let first = try #require(lines.first), last = try #require(lines.last)
      #expect(
        first.method == "POST \(Self.list)" && first.code == "OK" && first.caller == "app" && first.trace == trace)
      #expect(first.response_bytes > 10 && first.ms > 0 && first.call < last.call)
      #expect(last.code == "UNAUTHENTICATED" && last.caller == "" && last.trace == nil)
      let form = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
      let age = try -form.parse(first.time).timeIntervalSinceNow
      #expect(abs(age) < 60)

      try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
      try await Task.sleep(for: .milliseconds(1100))
      #expect(try await server.ask(Self.list, Data()).status == 200)
      #expect(try await Self.lines(path, atLeast: 1).count == 1)
      #expect(try await Self.lines(path + ".1", atLeast: 2).count == 2)
      let figures = String(decoding: try await server.ask("/metrics").body, as: UTF8.self)
      #expect(figures.contains("dither_access_log_lost_total 0\n"))
    }
  }

  @Test("a log that cannot be written is refused at the start")
  func refused() async throws {
    let scratch = try Scratch()
    await #expect {
      try await AskedServer.with(configure: { $0.accessLog = scratch.file("no/such/folder") }) { _ in }
    } throws: { isFault($0, .invalidArgument, "access log") }
  }

  @Test("a slow call says so, with its trace, and a slow prediction where its time went")
  func slow() async throws {
    let lines = LoggedLines(), log = Logger(label: "test") { _ in LogRecorder(lines) }
    let zeros = Data(count: 24).base64EncodedString()
    let body = Data(#"{"model": "net", "input": {"type": "FLOAT32", "shape": ["1", "6"], "data": "\#(zeros)"}}"#.utf8)
    for (limit, expected) in [(Duration.nanoseconds(1), 1), (.seconds(600), 0), (.zero, 0)] {
      lines.all.withLock { $0 = [] }
      try await AskedServer.with(log: log, configure: { ($0.slowCall, $0.logLevel) = (limit, .warning) }) { server in
        let answer = try await server.ask("/v1/Inference/Predict", body)
        #expect(answer.status == 200)
      }
      let all = lines.all.withLock { $0 }
      let calls = all.filter { $0.hasPrefix("slow call ") },
        predictions = all.filter { $0.hasPrefix("slow prediction ") }
      #expect(calls.count == expected && predictions.count == expected, "\(limit): \(all)")
      guard let call = calls.first, let prediction = predictions.first else { continue }
      let number = try #require(call.firstMatch(of: /"call=(\d+)"/)).1
      #expect(call.contains("method=POST /v1/Inference/Predict") && prediction.contains("\"call=\(number)\""))
      for part in ["model=net@1", "rows=1", "queued_ms=", "computed_ms=", "draws="] {
        #expect(prediction.contains(part), "\(prediction)")
      }
    }
  }
}
