import DitherBasics
import DitherService
import DitherTestSupport
import Foundation
import FoundationNetworking
import Testing

/// The folder of trainings behind the console: what is in it is shown, and nothing beside it.
@Suite("Pages of trainings", .serialized) struct RunPagesTests {
  private static let most = 100_000

  private static func write(_ text: String, to path: String) throws {
    let url = URL(filePath: path)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  /// A run with so many epochs, a sweep, a study, and what must not be shown.
  private static func make(_ scratch: Scratch, epochs: Int) throws -> String {
    let root = scratch.file("trained"), run = root + "/runs/net-seed1"
    let head = """
      {"name": "<i>net", "seed": 1, "finished": "2026-01-02T03:04:05Z", "sittings": [{"began": "2026-01-02T03:00:00Z",
      "after_epochs": 0, "software": "dither", "threads": 2, "cores": 2, "system": "s", "swift": "6", "instructions": "i"}]}
      """
    try write(head, to: run + "/run.json")
    let lines = (1...epochs).map { epoch in
      """
      {"epoch":\(epoch),"loss":\(2.5 / Double(epoch)),"accuracy":0.5,"validation_accuracy":0.875,"rate":0.1,\
      "noise":[{"term":"gaussian on weights","strength":0.1}],"gradient_norm":1.5,"seconds":0.1}
      """
    }
    try write(lines.joined(separator: "\n") + "\n{\"epoch\":", to: run + "/log.jsonl")
    try write("name: net # <script>\n", to: run + "/recipe.yml")
    try write("<p>own page</p><script>alert(1)</script>", to: run + "/run.html")
    let rows = (1...40).map { number in
      """
      {"point":\(number),"settings":{"noise.0.sigma":\(Double(number) / 100),"model.kind":"mlp"},"epochs":3,"seeds":3,\
      "mean":\(0.5 + Double(number) / 100),"deviation":0.1,"half_width":0.05,"seconds":1,\
      "measures":{"accuracy":0.9,"noisy_accuracy":0.8}}
      """
    }
    let table = "{\"name\":\"sigmas\",\"chosen_by\":\"nll\",\"trials\":120,\"rows\":[\(rows.joined(separator: ","))]}"
    try write(table, to: root + "/swept/sigmas.json")
    try write("point\n", to: root + "/swept/sigmas.csv")
    try write("<p>page of the sweep</p>", to: root + "/swept/sigmas.html")
    for (ending, text) in [("json", "{}"), ("md", "#"), ("html", "<p>page of the study</p>")] {
      try write(text, to: root + "/asked/noise.\(ending)")
    }
    // Beside the folder, and reached through links.
    try write("secret", to: scratch.file("secret/run.html"))
    try write(head, to: scratch.file("secret/run.json"))
    try write("{}", to: scratch.file("secret/log.jsonl"))
    try FileManager.default.createSymbolicLink(atPath: root + "/link", withDestinationPath: scratch.file("secret"))
    try write(head, to: root + "/linked/run.json")
    try write(lines[0], to: root + "/linked/log.jsonl")
    try FileManager.default.createSymbolicLink(
      atPath: root + "/linked/run.html", withDestinationPath: scratch.file("secret/run.html"))
    return root
  }

  @Test("runs have curves, sweeps accuracies by sigma; all of it is text and small") func shown() async throws {
    let scratch = try Scratch(), root = try Self.make(scratch, epochs: 3000)
    try await AskedServer.with(roles: ["audit"], configure: { $0.runsDirectory = root }) { server in
      func page(_ path: String) async throws -> String {
        let found = try await server.ask(path)
        #expect(found.status == 200 && found.body.count <= Self.most, "\(path): \(found.status), \(found.body.count)")
        return String(decoding: found.body, as: UTF8.self)
      }
      let list = try await page("/runs")
      for part in [
        "href=\"/runs/run?at=runs/net-seed1\"", "href=\"/runs/sweep?at=swept/sigmas\"",
        "href=\"/runs/page?at=asked/noise&amp;kind=study\"",
        "finished 2026-01-02T03:04:05Z, epoch 3000, loss 0.0008333, validation 87.50 %",
        "40 points, 120 results, best nll 0.51",
      ] { #expect(list.contains(part), "\(part)") }
      #expect(!list.contains("link\"") && !list.contains("<i>"))
      let run = try await page("/runs/run?at=runs/net-seed1")
      for part in [
        "&lt;i&gt;net, seed 1", "Of 3000 epochs one in 63 is drawn", "aria-label=\"Loss: loss by epoch\"",
        "aria-label=\"Accuracy: accuracy by epoch\"", "aria-label=\"Noise in force:", "name: net # &lt;script&gt;",
        "<a href=\"/runs\">Training</a>",
      ] { #expect(run.contains(part), "\(part)") }
      #expect(!run.contains("<script"))
      let sweep = try await page("/runs/sweep?at=swept/sigmas")
      for part in [
        "aria-label=\"nll by noise.0.sigma: nll by noise.0.sigma\"",
        "aria-label=\"accuracy by noise.0.sigma: accuracy by noise.0.sigma\"", "with the model&#39;s noise",
        "0.51 ± 0.05",
      ] { #expect(sweep.contains(part), "\(part)") }
    }
  }

  @Test("pages that trainings wrote are shown in a sandbox") func sandboxed() async throws {
    let scratch = try Scratch(), root = try Self.make(scratch, epochs: 2)
    try await AskedServer.with(roles: ["audit"], configure: { $0.runsDirectory = root }) { server in
      for (path, text) in [
        ("runs/net-seed1&kind=run", "own page"), ("swept/sigmas&kind=sweep", "page of the sweep"),
        ("asked/noise&kind=study", "page of the study"),
      ] {
        let found = try await server.ask("/runs/page?at=\(path)"), words = String(decoding: found.body, as: UTF8.self)
        let policy = found.head.value(forHTTPHeaderField: "content-security-policy") ?? ""
        #expect(found.status == 200 && words.contains(text), "\(path)")
        #expect(policy.contains("default-src 'none'") && policy.contains("sandbox") && !policy.contains("script-src"))
      }
    }
  }

  @Test(
    "nothing beside the folder is shown, by whatever path",
    arguments: [
      "../secret", "..%2Fsecret", "%2e%2e/secret", "link", "runs/../../secret", "/etc", "",
      "runs/net-seed1/../net-seed1",
      "runs/net-seed1%00", "linked",
    ])
  func outside(_ path: String) async throws {
    let scratch = try Scratch(), root = try Self.make(scratch, epochs: 2)
    try await AskedServer.with(roles: ["audit"], configure: { $0.runsDirectory = root }) { server in
      for kind in ["run", "sweep", "study", "else"] {
        let found = try await server.ask("/runs/page?at=\(path)&kind=\(kind)")
        let words = String(decoding: found.body, as: UTF8.self)
        #expect(
          [400, 404].contains(found.status) && !words.contains("secret</") && words != "secret", "\(path), \(kind)")
      }
      // Its record is of the folder; only its page leads out.
      let status = try await server.ask("/runs/run?at=\(path)").status
      #expect(path == "linked" ? status == 200 : [400, 404].contains(status))
    }
  }

  /// A file system in memory keeps any time; those on disks keep times of some centuries.
  private static let memory = "/dev/shm"

  @Test(
    "a file of whatever time is listed",
    .enabled(if: FileManager.default.isWritableFile(atPath: memory), "there is no /dev/shm"),
    arguments: [(Int.max, "9999-12-31"), (9_300_000_000_000_000, "9999-12-31"), (Int.min, "1970-01-01")])
  func times(_ second: Int, _ shown: String) async throws {
    let root = "\(Self.memory)/dither-runs-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: root) }
    try Self.write("{}", to: root + "/net/run.json")
    try Self.write("", to: root + "/net/log.jsonl")
    let time = timeval(tv_sec: second, tv_usec: 0)
    try #require(utimes(root + "/net/log.jsonl", [time, time]) == 0)
    try await AskedServer.with(roles: ["audit"], configure: { $0.runsDirectory = root }) { server in
      let found = try await server.ask("/runs")
      #expect(found.status == 200 && String(decoding: found.body, as: UTF8.self).contains("datetime=\"\(shown)"))
    }
  }

  @Test("a folder that is not there is told at the start, and one with more than is looked at says so")
  func folders() async throws {
    let scratch = try Scratch()
    await #expect(throws: ServiceError.self) {
      try await AskedServer.with(configure: { $0.runsDirectory = scratch.file("none") }) { _ in }
    }
    let root = scratch.file("deep")
    try Self.write("x", to: root + "/a/b/c/d/e/f/g/run.json")
    try Self.write("x", to: root + "/a/b/c/d/e/f/g/log.jsonl")
    try await AskedServer.with(roles: ["audit"], configure: { $0.runsDirectory = root }) { server in
      let words = String(decoding: try await server.ask("/runs").body, as: UTF8.self)
      #expect(words.contains("Nothing here yet") && words.contains("more than is looked at"))
    }
  }
}
