import DitherBasics
import DitherTestSupport
import Foundation
import Testing

/// Audits whose parts are processes that share a folder.
@Suite("dither audit --journal", .enabled(if: Program.isBuilt, "dither is not built"))
struct JournalTests {
  private let scratch: Scratch
  private let command: [String]

  init() throws {
    scratch = try Scratch()
    try Data(try TestNet.onnx()).write(to: URL(filePath: scratch.file("net.onnx")))
    try TestNet.writeExamples(160, inputs: scratch.file("x.npy"), labels: scratch.file("y.npy"))
    command = [
      "audit", scratch.file("net.onnx"), "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"),
      "--probe", "clean", "--probe", "calibration", "--probe", "pgd:epsilon=0.1,steps=3", "--samples", "8",
    ]
  }

  private func run(_ more: String...) throws -> Program.Result { try Program.run(command + more) }
  private func bytes(_ name: String) -> Data? { FileManager.default.contents(atPath: scratch.file(name)) }

  @Test("parts side by side, one twice and one killed, and then all: the bytes of one run")
  func parts() throws {
    let made = ["--save-adversarials", scratch.file("made"), "--report", scratch.file("whole.html"), "--json"]
    let whole = try Program.run(command + made)
    #expect(whole.status == 0, "\(whole.errors)")
    let journal = ["--journal", scratch.file("journal"), "--save-adversarials", scratch.file("parts")]
    let jobs = try ["1/3", "1/3", "2/3", "3/3"].enumerated().map { at, part in
      try Program.start(
        command + journal + ["--part", part], output: URL(filePath: scratch.file("out\(at)")),
        errors: URL(filePath: scratch.file("err\(at)")), environment: [:])
    }
    jobs[3].signal(SIGKILL)
    let statuses = jobs.map { $0.end() }
    #expect(statuses.prefix(3) == [0, 0, 0])
    let said = String(decoding: bytes("out2") ?? Data(), as: UTF8.self)
    #expect(said.contains("part 2/3 is done"), "\(said)")
    let standing = try Program.run(command + journal + ["--part", "2/3", "--json"])
    #expect(try standing.json()["part"] as? String == "2/3")
    let merged = try Program.run(command + journal + ["--report", scratch.file("merged.html"), "--json"])
    #expect(merged.status == 0, "\(merged.errors)")
    #expect(merged.output == whole.output && bytes("merged.html") == bytes("whole.html"))
    for name in ["inputs.npy", "indices.npy", "labels.npy", "answers.npy", "probe.txt"] {
      #expect(bytes("parts/2-pgd/\(name)") != nil && bytes("parts/2-pgd/\(name)") == bytes("made/2-pgd/\(name)"))
    }
    let left = try FileManager.default.contentsOfDirectory(atPath: scratch.file("journal"))
    #expect(left.allSatisfy { $0 == "journal.json" || $0.hasPrefix("shard-") || $0.hasSuffix(".part") }, "\(left)")
  }

  @Test("a damaged shard is done again, and the report is the same")
  func damaged() throws {
    let journal = scratch.file("journal"), first = try run("--journal", journal, "--json")
    #expect(first.status == 0, "\(first.errors)")
    let path = "\(journal)/shard-0"
    try Data(try #require(FileManager.default.contents(atPath: path)).dropLast(3)).write(to: URL(filePath: path))
    #expect(try run("--journal", journal, "--json").output == first.output)
  }

  @Test("a journal of another audit is refused with what differs")
  func refused() throws {
    let journal = scratch.file("journal")
    #expect(try run("--journal", journal, "--part", "1/5").status == 0)
    for (more, words) in [
      (["--seed", "2"], "--seed"), (["--samples", "9"], "--samples"), (["--probe", "fgsm"], "probes"),
      (["--save-adversarials", scratch.file("made")], "--save-adversarials"), (["--temperature", "2"], "temperature"),
    ] {
      let found = try Program.run(command + ["--journal", journal] + more)
      #expect(found.status == 2 && found.errors.contains(words), "\(more): \(found.errors)")
    }
    var other = command
    other[3] = scratch.file("z.npy")
    try TestNet.writeExamples(160, inputs: scratch.file("z.npy"), labels: scratch.file("w.npy"))
    let moved = try Data(contentsOf: URL(filePath: scratch.file("z.npy"))).dropLast(4) + Data([0, 0, 0, 0x3F])
    try Data(moved).write(to: URL(filePath: scratch.file("z.npy")))
    let found = try Program.run(other + ["--journal", journal])
    #expect(found.status == 2 && found.errors.contains("data: expected"), "\(found.errors)")
    // Another instruction set gives other bits.
    let elsewhere = try Program.run(command + ["--journal", journal], environment: ["ONEDNN_MAX_CPU_ISA": "SSE41"])
    #expect(elsewhere.status == 2 && elsewhere.errors.contains("compute class"), "\(elsewhere.errors)")
  }

  @Test(
    "what does not go together is said before any work",
    arguments: [
      (["--part", "1/2"], "--journal"), (["--part", "0/2", "--journal", "j"], "counted from 1"),
      (["--journal", "j", "--budget", "3"], "--budget"), (["--part", "x", "--journal", "j"], "I/N"),
    ])
  func usage(_ more: [String], _ words: String) throws {
    let found = try Program.run(command + more)
    #expect(found.status == 2 && found.errors.contains(words), "\(found.status) \(found.errors)")
  }

  @Test("a server keeps a journal of its own")
  func served() throws {
    let found = try Program.run("audit", "net", "--data", "mnist:4", "--journal", scratch.file("j"))
    #expect(found.status == 2 && found.errors.contains("a server keeps a journal of its own"), "\(found.errors)")
  }
}
