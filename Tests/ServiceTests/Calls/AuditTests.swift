import DitherBasics
import DitherJobs
import DitherProto
import DitherRobustness
import DitherService
import DitherStore
import DitherTestSupport
import Foundation
import SwiftProtobuf
import Testing

@Suite("Audit", .sayingWhichStore) struct AuditTests {
  private static func request(
    _ model: String, _ change: (inout Dither_V1_AuditRequest) -> Void = { _ in }
  ) -> Dither_V1_AuditRequest {
    .with {
      $0.model = model
      $0.seed = 5
      $0.probes = [.with { $0.probe = "clean" }, .with { $0.probe = "calibration" }, .with { $0.probe = "fgsm" }]
      $0.examples.inputs.type = .float32
      $0.examples.inputs.shape = [60, 6]
      $0.examples.inputs.data = rows(60, of: 6).joined().reduce(into: Data()) { data, value in
        withUnsafeBytes(of: value) { data.append(contentsOf: $0) }
      }
      $0.examples.labels = (0..<60).map { UInt32(($0 * 7 + 2) % 3) }
      change(&$0)
    }
  }

  private static func server() async throws -> InProcess {
    try await InProcess(models: [
      "a": TestModels.mlp(seed: 1, sigma: nil), "b": TestModels.mlp(seed: 2, sigma: nil),
      "noisy": TestModels.mlp(seed: 3, sigma: 0.3),
    ])
  }

  private static func report(_ server: InProcess, _ request: Dither_V1_AuditRequest) async throws -> Report {
    var found: Report?
    for await event in try await AuditCall(server.services).start(request, server.caller) {
      if case .report(let json, _) = event { found = try Report(json: Data(json)) }
    }
    return try #require(found)
  }

  @Test("who has gone before the models were made ready begins no audit")
  func callerHasGone() async throws {
    let server = try await Self.server()
    for late in [true, false] {
      var caller = server.caller
      if late { caller.deadline = .now - .seconds(1) } else { caller.isCancelled = { true } }
      do {
        _ = try await AuditCall(server.services).start(Self.request("a"), caller)
        Issue.record("an audit has begun")
      } catch let error as ServiceError {
        #expect(error.code == (late ? .deadlinePassed : .cancelled))
      }
    }
    #expect(try await server.services.store.jobs.list(kind: "audit").isEmpty)
  }

  @Test("a calibrated version is audited as it is served; its ensemble beside it", .overEveryEngine)
  func calibratedAndEnsembles() async throws {
    let server = try await Self.server()
    let plain = try await Self.report(server, Self.request("a"))
    #expect(plain.temperature == nil && plain.command.contains("--temperature 1.0"))
    let stored = try await CalibrateCall(server.services).answer(
      .with {
        $0.model = "a"
        $0.examples = Self.request("a").examples
      }, server.caller)
    let report = try await Self.report(
      server, Self.request("a") { $0.others = ["a+b"] })
    #expect(report.temperature == stored.temperature && stored.temperature != 1)
    #expect(report.probes[1].calibration?.nll != plain.probes[1].calibration?.nll)
    #expect(
      report.comparisons.first?.baseline == "a+b"
        && report.comparisons.first?.baselineMembers?.map(\.version) == [1, 1])
    let asked = try await Self.report(server, Self.request("a") { $0.temperatures = [1] })
    #expect(asked.temperature == nil && asked.probes[1].calibration == plain.probes[1].calibration)
  }

  @Test("a report is signed in each of its forms, and says the same in all", .overEveryEngine)
  func forms() async throws {
    let server = try await InProcess(models: ["a": TestModels.mlp(seed: 1, sigma: nil)]) { $0.code = "tests 1" }
    let request = Self.request("a") {
      $0.gates = ["fgsm>=0.9"]
      $0.probes += [
        .with { $0.probe = "selective" }, .with { $0.probe = "smoothing" }, .with { $0.probe = "deepfool" },
      ]
    }
    var audit = "", json: [UInt8] = [], html: [UInt8] = []
    for await event in try await AuditCall(server.services).start(request, server.caller) {
      if case .state(let job) = event { audit = job.id }
      if case .report(let found, let page) = event { (json, html) = (found, page) }
    }
    let key = try Ed25519.PrivateKey(openOrMake: server.scratch.file("report-key.pem")).publicKey
    let protobuf = try await GetReportCall(server.services).answer(
      .with {
        $0.audit = audit
        $0.format = .protobuf
      }, server.caller
    ).protobuf
    for (form, report) in [(ReportForm.json, json), (.html, html), (.protobuf, [UInt8](protobuf))] {
      #expect(ReportForm(of: report) == form)
      #expect(try form.opened(report)?.signer == key)
    }
    var (first, second) = (try Dither_V1_AuditReport(json: json), try Dither_V1_AuditReport(serializedBytes: protobuf))
    #expect(first.signature.value != second.signature.value)
    first.clearSignature()
    second.clearSignature()
    #expect(first == second && first.code == "tests 1" && first.probes.count == 6 && first.gates.count == 1)
  }

  @Test("an audit that another program has begun is begun anew")
  func anotherProgram() async throws {
    let scratch: Scratch, id: String
    do {
      let server = try await InProcess(models: ["a": TestModels.mlp(seed: 1, sigma: nil)]) { $0.code = "old" }
      scratch = server.scratch
      let jobs = server.services.store.jobs
      await server.services.audits.stop()
      _ = try await AuditCall(server.services).start(Self.request("a"), server.caller)
      id = try #require(try await jobs.list(kind: "audit").first?.id)
      // No result of any plan: were it read, the audit would fail.
      try await jobs.put([0], for: 0, of: id)
    }
    let server = try await InProcess(in: scratch) { $0.code = "new" }
    let events = try await server.services.audits.watch(id)
    try await server.services.audits.resume()
    var report: Report?
    for await event in events { if case .report(let json, _) = event { report = try Report(json: Data(json)) } }
    #expect(report?.code == "new" && report?.probes.count == 3)
  }

  @Test func aPlanLeavesNothing() async throws {
    let server = try await Self.server(), before = server.scratch.files
    let planned = try await PlanAuditCall(server.services).answer(Self.request("a"), server.caller)
    #expect(planned.examples == 60 && planned.probes.count == 3)
    await #expect(throws: (any Error).self) {
      _ = try await PlanAuditCall(server.services).answer(
        Self.request("a") { $0.examples.inputs.shape = [36, 10] }, server.caller)
    }
    #expect(server.scratch.files == before)
    let report = try await Self.report(server, Self.request("a"))
    #expect(report.n == 60 && server.scratch.files.count == before.count + 1)
  }

  private static func array(_ rows: [[Float]]) -> Dither_V1_Array {
    .with {
      $0.type = .float32
      $0.shape = [Int64(rows.count), Int64(rows.first?.count ?? 0)]
      $0.data = rows.joined().reduce(into: Data()) { data, value in
        withUnsafeBytes(of: value) { data.append(contentsOf: $0) }
      }
    }
  }

  private static func probe(_ name: String, _ parameters: [String: String] = [:]) -> Dither_V1_ProbeRequest {
    .with {
      $0.probe = name
      $0.parameters = parameters
    }
  }

  @Test("a request brings targets, bounds of features, inputs for probes, and says what outputs are")
  func attachments() async throws {
    let server = try await Self.server()
    let report = try await Self.report(
      server,
      Self.request("a") {
        $0.probes = [
          Self.probe("clean"), Self.probe("fgsm", ["epsilon": "1", "target": "given"]),
          Self.probe("ood", ["data": "mine"]),
        ]
        $0.targets = [UInt32](repeating: 1, count: 60)
        $0.features.low = [Float](repeating: -4, count: 6)
        $0.features.high = [Float](repeating: 4, count: 6)
        $0.features.fixed = [0, 1]
        $0.otherInputs = ["mine": Self.array([[Float]](repeating: [9, -9, 9, -9, 9, -9], count: 20))]
      })
    #expect(report.command.contains("--targets TARGETS.npy") && report.command.contains("--features FEATURES.json"))
    #expect(report.checks.contains { $0.check == "features" && $0.message.contains("4 of 6 features") })
    #expect(report.probes[2].summary?["auroc_energy"] != nil)
    // Who is of class 1 already is not attacked.
    let labels = Self.request("a").examples.labels, attacked = report.probes[1]
    for (row, label) in labels.enumerated() where label == 1 {
      #expect(attacked.perExample[row] == attacked.perExampleClean[row])
    }
    let away = try await Self.report(
      server,
      Self.request("a") {
        $0.probes = [Self.probe("fgsm", ["epsilon": "1", "target": "given"])]
        $0.targets = labels
        $0.features = .with {
          $0.low = [Float](repeating: -4, count: 6)
          $0.high = [Float](repeating: 4, count: 6)
        }
      })
    // All are where they are to be led.
    #expect(away.probes[0].perExample == away.probes[0].perExampleClean && away.probes[0].questions == 0)
  }

  @Test("what outputs are can be said of each model of a request")
  func outputKinds() async throws {
    let server = try await Self.server()
    let plain = try await Self.report(server, Self.request("a") { $0.others = ["a"] })
    let told = try await Self.report(
      server,
      Self.request("a") {
        $0.others = ["a"]
        $0.outputKinds = ["", "logits"]
      })
    #expect(!plain.command.contains("--output-kind"))
    #expect(told.command.contains("--output-kind logits --output-kind logits"))
    #expect(told.probes[1].calibration == plain.probes[1].calibration)
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let words: String
    let model: String
    let change: @Sendable (inout Dither_V1_AuditRequest) -> Void
    var testDescription: String { words }
    init(
      _ words: String, _ model: String = "a",
      _ change: @escaping @Sendable (inout Dither_V1_AuditRequest) -> Void = { _ in }
    ) {
      self.words = words
      self.model = model
      self.change = change
    }
  }

  @Test(
    "what cannot be audited is refused before any work, with the field's name",
    arguments: [
      Refusal("temperatures") { $0.temperatures = [.nan] }, Refusal("temperatures") { $0.temperatures = [1, 1] },
      Refusal("temperatures") { $0.temperatures = [-1] }, Refusal("without noise", "a+noisy"),
      Refusal("'c'", "a+c"), Refusal("1 to 64 letters", "a+"),
      Refusal("at most 16", [String](repeating: "a", count: 17).joined(separator: "+")),
      Refusal("did you mean 'pgd'") { $0.probes[0].probe = "pdg" },
      Refusal("epsilon") { $0.probes[2].parameters = ["epsilon": "-1"] },
      Refusal("epsilon") { $0.probes[2].parameters = ["epsilon": "nan"] },
      Refusal("label") { $0.examples.labels[7] = 3 }, Refusal("labels") { $0.examples.labels.removeLast() },
      Refusal("shape") {
        $0.examples.inputs.shape = [36, 10]; $0.examples.labels = [UInt32](repeating: 0, count: 36)
      },
      Refusal("examples") {
        $0.examples.inputs.shape = [0, 6]; $0.examples.inputs.data = Data(); $0.examples.labels = []
      },
      Refusal("finite") {
        $0.examples.inputs.data.replaceSubrange(0..<4, with: withUnsafeBytes(of: Float.nan) { Data($0) })
      },
      Refusal("data") { $0.data = nil }, Refusal("others") { $0.others = Array(repeating: "b", count: 10) },
      Refusal("targets") { $0.targets = [1, 2] }, Refusal("features") { $0.features.low = [0] },
      Refusal("did you mean 'logits'") { $0.outputKinds = ["logit"] },
      Refusal("output_kinds") { $0.outputKinds = ["logits", "logits"] },
      Refusal("expected probabilities") { $0.outputKinds = ["probabilities"] },
      Refusal("expected log_probabilities") {
        $0.others = ["b"]
        $0.outputKinds = ["", "log_probabilities"]
      },
      Refusal("other_inputs") { $0.otherInputs = ["mine": Self.array([[0, 0, 0, 0, 0, 0]])] },
      Refusal("other_inputs['mine'].type") {
        $0.probes[0] = Self.probe("ood", ["data": "mine"])
        $0.otherInputs = ["mine": .with { $0.shape = [1, 6] }]
      },
      Refusal("budget_seconds") { $0.budgetSeconds = -1 }, Refusal("gate") { $0.gates = ["pgd>"] },
    ])
  func refusals(_ refusal: Refusal) async throws {
    let server = try await Self.server()
    await #expect {
      _ = try await AuditCall(server.services).start(Self.request(refusal.model, refusal.change), server.caller)
    } throws: {
      guard let error = $0 as? any AnyFault else { return false }
      return [.invalidArgument, .notFound].contains(error.category) && error.description.contains(refusal.words)
    }
    // Nothing was promised.
    #expect(try await server.services.store.jobs.list(kind: "audit").isEmpty)
  }

  // MARK: what attacks make

  @Test("a server keeps what attacks make, to be judged again; of other audits, nothing", .overEveryEngine)
  func adversarials() async throws {
    let server = try await Self.server(), jobs = server.services.store.jobs
    let probes = [
      Self.probe("clean"), Self.probe("fgsm", ["epsilon": "0.2"]), Self.probe("pgd", ["epsilon": "0.1", "steps": "5"]),
    ]
    let plain = try await Self.report(server, Self.request("a") { $0.probes = probes })
    let first = try #require(try await jobs.list(kind: "audit").first?.id)
    await #expect {
      _ = try await GetAdversarialsCall(server.services).parts(of: first)
    } throws: {
      isFault($0, .failedPrecondition, "save_adversarials")
    }
    let report = try await Self.report(
      server,
      Self.request("a") {
        $0.probes = probes
        $0.others = ["b"]
        $0.saveAdversarials = true
      })
    #expect(report.probes.map(\.perExample) == plain.probes.map(\.perExample))
    let id = try #require(try await jobs.list(kind: "audit").first?.id)
    let parts = try await GetAdversarialsCall(server.services).parts(of: id)
    #expect(Set(parts.map(\.place)) == [1, 2])
    for place in [1, 2] {
      let own = parts.filter { $0.place == UInt32(place) }, labels = own.flatMap(\.labels)
      #expect(own.flatMap(\.indices) == (0..<60).map(UInt64.init) && labels == Self.request("a").examples.labels)
      let spec = try ProbeSpec(parsing: try #require(own.first?.probe))
      #expect(spec.probe == probes[place].probe && spec.parameters["epsilon"] == probes[place].parameters["epsilon"])
      #expect(spec.parameters["norm"] == "linf")
      // Another predicts from them, and is told the same.
      let answers = own.flatMap(\.answers)
      var served: [Int32] = []
      for part in own {
        let response = try await server.predict("a", []) { $0.input = part.inputs }
        served += response.predictions.map { Int32($0.label) }
      }
      #expect(served == answers)
      #expect(report.probes[place].perExample == zip(answers, labels).map { $0 == Int32($1) })
    }
    await #expect {
      _ = try await GetAdversarialsCall(server.services).parts(of: "nothing")
    } throws: {
      isFault($0, .notFound, "audit")
    }
  }

  @Test("more than a server keeps is refused before any work")
  func tooManyAdversarials() async throws {
    let server = try await Self.server(), count = 5000
    await #expect {
      _ = try await AuditCall(server.services).start(
        Self.request("a") {
          $0.saveAdversarials = true
          $0.examples.inputs = Self.array(rows(count, of: 6))
          $0.examples.labels = [UInt32](repeating: 1, count: count)
          $0.probes = (1...600).map { Self.probe("fgsm", ["epsilon": "\(Double($0) / 1000)"]) }
        }, server.caller)
    } throws: {
      isFault($0, .invalidArgument, "save_adversarials: expected at most 64 MiB")
    }
    #expect(try await server.services.store.jobs.list(kind: "audit").isEmpty)
  }

  // MARK: jobs that others have left

  private static func withAttachments() -> Dither_V1_AuditRequest {
    request("a") {
      $0.probes = [
        probe("clean"), probe("fgsm", ["epsilon": "1", "target": "given"]), probe("ood", ["data": "mine"]),
      ]
      $0.targets = (0..<60).map { UInt32($0 % 3) }
      $0.features.low = [Float](repeating: -4, count: 6)
      $0.features.high = [Float](repeating: 4, count: 6)
      $0.features.fixed = [0, 1]
      $0.otherInputs = ["mine": array([[Float]](repeating: [9, -9, 9, -9, 9, -9], count: 20))]
    }
  }

  private static func end(_ events: AsyncStream<JobEvent>) async -> (job: Job?, json: [UInt8]?) {
    var job: Job?, json: [UInt8]?
    for await event in events {
      if case .state(let found) = event { job = found }
      if case .report(let found, _) = event { json = found }
    }
    return (job, json)
  }

  @Test("an audit with attachments goes on after a restart as it was", .overEveryEngine, arguments: [false, true])
  func resumesWithAttachments(_ keeps: Bool) async throws {
    var request = Self.withAttachments()
    request.saveAdversarials = keeps
    let scratch: Scratch, id: String, whole: [UInt8], made: [Dither_V1_AdversarialInputs]
    do {
      let server = try await Self.server(), jobs = server.services.store.jobs
      scratch = server.scratch
      whole = try #require(await Self.end(AuditCall(server.services).start(request, server.caller)).json)
      let first = try #require(try await jobs.list(kind: "audit").first?.id)
      made = keeps ? try await GetAdversarialsCall(server.services).parts(of: first) : []
      // The second is stopped when one of its shards is done.
      await server.services.audits.stop()
      _ = try await AuditCall(server.services).start(request, server.caller)
      id = try #require(try await jobs.list(kind: "audit").first?.id)
      #expect(id != first)
      let done = try #require(try await jobs.shards(of: first)[0])
      try await jobs.put(done, for: 0, of: id)
    }
    let server = try await InProcess(in: scratch), events = try await server.services.audits.watch(id)
    try await server.services.audits.resume()
    #expect(await Self.end(events).json == whole)
    if keeps { #expect(try await GetAdversarialsCall(server.services).parts(of: id) == made && !made.isEmpty) }
  }

  @Test("a job of a version that knew a baseline, rivals and examples alone goes on")
  func formerSpec() async throws {
    let server = try await Self.server(), request = Self.request("a") { $0.others = ["b", "a+b"] }
    let fresh = try await Self.report(server, request)
    func subject(_ name: String) async throws -> String {
      let model = try await GetModelCall(server.services).answer(.with { $0.model = name }, server.caller)
      return #"{"blob":"\#(try BlobID(model.digest).hex)","name":"\#(name)","version":1}"#
    }
    let bytes: [UInt8] = try request.examples.serializedBytes()
    let examples = try await server.services.store.blobs.insert(bytes)
    let (a, b) = (try await subject("a"), try await subject("b")),
      both = a.replacing(#""name":"a","version":1"#, with: "")
    let spec = """
      {"baseline":\(b),"battery":"","code":"earlier","data":{"sent":{"_0":"\(examples.hex)"}},"model":\(a),\
      "probes":[{"parameters":{},"probe":"clean"},{"parameters":{},"probe":"calibration"},\
      {"parameters":{},"probe":"fgsm"}],"rivals":[\(both.dropLast())"members":[\(a),\(b)],"name":"a+b","version":0}],\
      "samples":0,"seed":5}
      """
    let job = Job(id: Job.newID(), kind: "audit", subject: "a@1", spec: Array(spec.utf8), createdBy: "tester")
    try await server.services.store.jobs.create(job, blobs: [examples])
    let listed = try await ListAuditsCall(server.services).answer(.with { $0.model = "a" }, server.caller).audits
    #expect(listed.first { $0.audit == job.id }?.version == 1)
    let events = try await server.services.audits.watch(job.id)
    server.services.audits.enqueue(job.id)
    let end = await Self.end(events)
    let report = try Report(json: Data(try #require(end.json, "\(end.job?.message ?? "")")))
    #expect(report.probes == fresh.probes && report.comparisons.map { $0.baseline } == ["b", "a+b"])
  }

  @Test("a job that cannot be read keeps its name, and ends with what is to be done")
  func unreadableSpec() async throws {
    let server = try await Self.server()
    for (at, spec) in [#"{"model":7}"#, "{}", "", #"{"data":{"elsewhere":{}}}"#].enumerated() {
      let job = Job(id: "job-\(at)", kind: "audit", subject: "a@1", spec: Array(spec.utf8), createdBy: "tester")
      try await server.services.store.jobs.create(job)
      let events = try await server.services.audits.watch(job.id)
      server.services.audits.enqueue(job.id)
      let end = try #require(await Self.end(events).job)
      #expect(end.state == .failed && end.message.contains("ask for the audit again"), "\(end.message)")
      let listed = try await ListAuditsCall(server.services).answer(.with { $0.model = "a" }, server.caller).audits
      #expect(listed.contains { $0.audit == job.id && $0.model == "a" && $0.version == 1 && $0.state == .failed })
    }
  }
}
