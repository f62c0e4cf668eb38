import ArgumentParser
import DitherBasics
import DitherClient
import DitherDatasets
import DitherGraph
import DitherInference
import DitherJobs
import DitherProto
import DitherReports
import DitherRobustness
import DitherService
import DitherTensor
import Foundation

/// `dither audit`: how a model breaks.
struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Attack and disturb a model, and report how it holds.",
    discussion: """
      Works on a served model, where the audit is a durable job, or without a server on an ONNX file. Images as bytes \
      0-255 are scaled to [0, 1].

      Example: dither audit fashion-mlp-noise --data fashion-mnist:100 --battery smoke --report report.html
      Example: dither audit fashion-mlp-noise --data fashion-mnist --battery standard --plan
      Example: dither audit model.onnx --data x.npy --labels y.npy --probe pgd:norm=linf,epsilon=8/255,steps=20 --json
      Example: dither audit model.onnx --data mnist --battery full --journal audit-of-mnist --part 1/3
      """)

  @Argument(
    help:
      "A served model (name, name@version, name:alias) or an ONNX file; several with + between them: their ensemble.")
  var model: String
  @Option(help: "\(DataHelp.reference), or with --labels a file of inputs.")
  var data: String
  @Option(help: "Class numbers, or the values of a regression, as .npy, with --data FILE.")
  var labels: String?
  @Option(help: "Classes that attacks with target=given lead to, as .npy, one for each example.")
  var targets: String?
  @Option(
    help: """
      A JSON file with bounds of a table's features and the numbers of those that attacks leave: {"low": [], "high": [], "fixed": []}. \
      (default: the least and largest values of the data; features of two values stay)
      """)
  var features: String?
  @Option(
    help: """
      How far an answer of a regression may be from its value and still count as right, in the unit of the values. \
      (default: half the standard deviation of the values)
      """)
  var tolerance: Double?
  @Option(
    help: """
      Write what each attack made to files in this folder, as .npy: inputs, the examples' numbers, labels and answers. \
      (A server keeps up to \(AuditRequest.mostMiBMade) MiB of inputs.)
      """)
  var saveAdversarials: String?
  @Option(help: "A named list of probes: \(Catalog<Battery>.batteries.names.joined(separator: ", ")). (default: smoke)")
  var battery: String?
  @Option(
    name: .customLong("probe"),
    help: "NAME or NAME:KEY=VALUE,…; repeat. Names: \(Catalog<ProbeKind>.probes.names.joined(separator: ", ")).")
  var probes: [String] = []
  @Option(
    name: .customLong("baseline"),
    help: "Another model, audited on the same examples and compared; repeat for more than one.")
  var baselines: [String] = []
  @Option(
    name: .customLong("temperature"),
    help: ArgumentHelp(
      "What every draw's logits are divided by; repeat for the baselines. 0: that of the version's calibration.",
      valueName: "t"))
  var temperatures: [Double] = []
  @Option(
    name: .customLong("output-kind"),
    help: ArgumentHelp(
      """
      What the model's outputs are: \(OutputKind.allCases.map(\.rawValue).joined(separator: ", ")); repeat for the baselines. \
      (default: what its nodes, a trial and its metadata say)
      """, valueName: "kind"))
  var outputKinds: [OutputKind] = []
  @Option(
    name: .customLong("gate"),
    help: """
      What the model must reach, as 'pgd:epsilon=8/255>=0.4', 'union:norm=linf,epsilon=8/255>=0.4' (all attacks of a ball \
      together) or 'calibration.ece15<=0.05'; repeat.
      """)
  var gates: [String] = []
  @Option(help: "Seconds; attacks end with what they have found by then, the rest is left out, and the report says so.")
  var budget: Double?
  @Flag(help: "Print what would be done and about what it would take, and do nothing.")
  var plan = false
  @Option(help: "The same seed gives the same report.")
  var seed: UInt64 = 1
  @Option(help: "Draws of the deployed predictor, for a model with noise. (default: the model's)")
  var samples: UInt32?
  @OptionGroup var noise: NoiseOptions
  @OptionGroup var journal: JournalOptions
  @Option(help: "Write the self-contained HTML report to this file.")
  var report: String?
  @Option(help: "Write the report as a dither.v1.AuditReport to this file.")
  var protobuf: String?
  @Option(
    help: """
      PEM file of the Ed25519 key that signs the report of an ONNX file; made where there is none, with its public half \
      beside it. (A server signs with its own.)
      """)
  var signKey: String?
  @Flag(help: "State date and machine in the report of an ONNX file: then no two runs have the same bytes.")
  var stamp = false
  @Option(help: "State date, machine and this name in the report of an ONNX file.")
  var auditor: String?
  @OptionGroup var files: ReportFiles
  @Flag(help: "Print the report as one JSON object.")
  var json = false
  @OptionGroup var server: ServerOptions

  func validate() throws {
    if battery != nil, !probes.isEmpty { throw ValidationError("give either --battery or --probe") }
    try AuditExamples.checkOptions(data, labels: labels)
    guard temperatures.count <= 1 + baselines.count else {
      throw ValidationError("--temperature goes with the model and each --baseline, in their order")
    }
    guard temperatures.allSatisfy({ $0 == 0 || AuditSubject.temperatures.contains($0) }) else {
      throw ValidationError(
        "--temperature is 0, or \(AuditSubject.temperatures.lowerBound) to \(AuditSubject.temperatures.upperBound)")
    }
    guard outputKinds.count <= 1 + baselines.count else {
      throw ValidationError("--output-kind goes with the model and each --baseline, in their order")
    }
    if signKey != nil, !model.hasSuffix(".onnx") {
      throw ValidationError("--sign-key goes with an ONNX file; a server signs with its own key")
    }
    if stamp || auditor != nil, !model.hasSuffix(".onnx") {
      throw ValidationError(
        "--stamp and --auditor go with an ONNX file; `dither audits list` says when a server made one")
    }
    if let tolerance, !(tolerance.isFinite && tolerance > 0) {
      throw ValidationError("--tolerance is a number above 0, in the unit of the values")
    }
    if let budget, !(budget.isFinite && budget > 0) { throw ValidationError("--budget is a number of seconds above 0") }
    try journal.check(isLocal: model.hasSuffix(".onnx"), hasBudget: budget != nil)
  }

  func run() async throws {
    let probes = try probes.map { try ProbeSpec(parsing: $0) }
    // Before any work: a report that cannot be written is lost.
    for path in [report, protobuf].compactMap({ $0 }) + files.paths { try Self.checkFolder(of: path) }
    let battery = battery ?? (probes.isEmpty ? "smoke" : nil)
    if plan { return try await showPlan(probes, battery: battery) }
    let outcome: Outcome
    if model.hasSuffix(".onnx") {
      guard let found = try runLocally(probes, battery: battery) else { return }
      outcome = found
    } else {
      outcome = try await server.withClient(patience: nil) { try await runServed(probes, battery: battery, with: $0) }
    }
    if let report { try OutputFile.write(outcome.html, to: report) }
    if let protobuf { try OutputFile.write(outcome.protobuf, to: protobuf) }
    let found = try Report(json: outcome.json)
    if json {
      Json.show(outcome.json)
    } else {
      ReportText(found).show()
      if let report { print("report: \(report)") }
    }
    try files.write(found)
    if let failed = found.gates?.filter({ !$0.passed }), !failed.isEmpty {
      throw CommandFailure(
        status: .checkFailed, message: "\(failed.count) of \(found.gates?.count ?? 0) gates are not kept")
    }
  }

  private static func checkFolder(of path: String) throws {
    var isFolder: ObjCBool = false
    guard !FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) || !isFolder.boolValue else {
      throw CommandError(
        .unreadable, at: path, expected: "a file that can be written", got: "a folder",
        advice: "name a file in it")
    }
    let folder = URL(filePath: path).deletingLastPathComponent().path
    guard FileManager.default.isWritableFile(atPath: folder) else {
      let isThere = FileManager.default.fileExists(atPath: folder)
      throw CommandError(
        .unreadable, at: path, expected: "a file in a folder that can be written",
        got: isThere ? "\(folder), which cannot" : "no such folder \(folder)", advice: isThere ? nil : "make it first")
    }
  }

  private func showPlan(_ probes: [ProbeSpec], battery: String?) async throws {
    let items: [PlanRow], examples: Int, seconds: Double
    if model.hasSuffix(".onnx") {
      let runner = try localRunner(probes, battery: battery)
      let cost = try runner.cost(threads: ProcessInfo.processInfo.activeProcessorCount)
      items = cost.items.map { PlanRow(probe: $0.probe.text, questions: $0.questions, seconds: $0.seconds) }
      (examples, seconds) = (runner.plan.exampleCount, cost.seconds)
    } else {
      let planned = try await server.withClient(patience: nil) { client in
        try await client.planAudit(try await request(probes, battery: battery, for: client))
      }
      items = planned.probes.map {
        PlanRow(probe: $0.probe, questions: Int(clamping: $0.questions), seconds: $0.seconds)
      }
      (examples, seconds) = (Int(planned.examples), planned.seconds)
    }
    if json {
      try Json.print(PlanOutput(examples: examples, seconds: seconds, probes: items))
      return
    }
    print(
      table(
        [["probe", "questions, about", "seconds, about"]]
          + items.map { [$0.probe, "\($0.questions)", $0.seconds.digits(1)] }))
    print("\(examples) examples, about \(clockTime(seconds))")
  }

  private struct PlanRow: Encodable {
    var probe: String, questions: Int, seconds: Double
  }
  private struct PlanOutput: Encodable {
    var examples: Int, seconds: Double, probes: [PlanRow]
  }

  /// The forms that an audit leaves, however it ran.
  fileprivate struct Outcome {
    var json: Data
    var html: Data
    /// Empty where it was not asked for.
    var protobuf: Data
  }
}

// MARK: - Without a server

extension AuditCommand.Outcome {
  /// - Parameter key: nil: not signed.
  fileprivate init(_ report: Report, signedBy key: Ed25519.PrivateKey?) throws {
    let json = [UInt8](try report.json()), html = Array(report.html().utf8)
    let protobuf = try Dither_V1_AuditReport(json: json).ordered()
    func form(_ form: ReportForm, _ body: [UInt8]) -> Data { Data(key.map { form.signed(body, by: $0) } ?? body) }
    self.init(json: form(.json, json), html: form(.html, html), protobuf: form(.protobuf, protobuf))
  }
}

extension AuditCommand {
  /// - Returns: nil where only a part was asked for.
  private func runLocally(_ probes: [ProbeSpec], battery: String?) throws -> Outcome? {
    if let isa = journal.isa { try ComputeClass.keep(to: isa) }
    let key = try journal.share.part == nil ? signKey.map { try Ed25519.PrivateKey(openOrMake: $0) } : nil
    let runner = try localRunner(probes, battery: battery)
    let folder = try saveAdversarials.map(AdversarialFolder.init), audit = LocalAudit(runner, folder: folder)
    let results: [ShardResult]
    if let path = journal.journal {
      let (all, standing) = try audit.results(journal: path, part: journal.share.part)
      guard let all else {
        if json { try Json.print(standing) } else { print(standing.sentence) }
        return nil
      }
      results = all
    } else {
      results = try audit.results(budget: budget)
    }
    try folder?.write()
    var report = try runner.report(results, isPartial: budget != nil)
    if stamp || auditor != nil {
      report.stamp = Stamp(date: Date().formatted(.iso8601), machine: Machine.summary, auditor: auditor)
    }
    return try Outcome(report, signedBy: key)
  }

  private func localRunner(_ probes: [ProbeSpec], battery: String?) throws -> AuditRunner {
    var request = AuditRequest(models: [model] + baselines, data: try localData())
    request.temperatures = temperatures
    request.battery = battery
    request.probes = probes
    request.gates = gates
    request.seed = seed
    request.samples = Int(samples ?? 0)
    request.budget = budget
    request.outputKinds = outputKinds
    request.noise = noise.specs
    request.targets = try targets.map { (try FileArray(path: $0).labels(at: $0), $0) }
    request.features = try features.map { (try bounds(at: $0), $0) }
    request.tolerance = tolerance
    let audit = try request.resolved(by: FileModels())
    let subjects = try audit.subjects.map {
      try AuditSubject(members: $0.members, temperature: $0.temperature, on: audit.data)
    }
    return try request.runner(of: subjects, on: audit.data, samples: audit.samples, code: Dither.code) {
      try AuditExamples.inputs($0).tensor
    }
  }

  private func bounds(at path: String) throws -> Features {
    do {
      return try JSONDecoder().decode(Features.self, from: Data(FileArray.read(path)))
    } catch let error as DecodingError {
      throw CommandError(
        .malformed, at: path, expected: #"{"low": [numbers], "high": [numbers], "fixed": [feature numbers]}"#,
        got: error.words)
    }
  }

  /// Examples of the battery where files are named without a part; nil: all.
  private var usualExamples: Int? {
    get throws {
      guard labels == nil else { return nil }
      let name = battery ?? (probes.isEmpty ? "smoke" : nil)
      return try name.map { try Catalog<Battery>.batteries.entry(named: $0).defaultExamples }
    }
  }

  /// Whether the examples are files on this machine.
  private var isOwnData: Bool { labels != nil || AuditExamples.isPath(data) }

  /// Whole numbers may be classes or values: the model says which; nil: as the data say.
  private var targetKind: TargetKind? {
    get throws {
      let files = FileModels(), path = files.isOne(model) ? model : String(model.prefix { $0 != "+" })
      return try files.version(path, outputKind: nil).model.signature.task.isRegression ? .regression : nil
    }
  }

  private func localData() throws -> AuditRequest.Data {
    guard isOwnData else { return .named(data) }
    let examples = try AuditExamples(data, labels: labels, usual: usualExamples, targets: targetKind)
    var data = try AuditData(
      name: examples.name, inputs: examples.tensor, targets: examples.targets, start: examples.inputs.start,
      labelsName: labels)
    data.layout = examples.layout
    data.byteInputs = examples.byteInputs
    return .given(data)
  }
}

/// ONNX files as an audit's models, by their paths.
private struct FileModels: AuditModels {
  /// A path may have a + in it.
  func isOne(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  func version(_ path: String, outputKind: OutputKind?) throws -> AuditSubject {
    do {
      let bytes = try ModelFile.read(path)
      return try AuditSubject(name: path, digest: Sha256.hash(bytes).description, model: Model(onnx: bytes))
        .putting(out: outputKind)
    } catch let fault as CommandError {
      throw fault
    } catch let fault as any AnyFault {
      // It says where in a file, and there may be several.
      throw CommandError(
        .malformed, at: "\(path): \(fault.place)", expected: fault.expected, got: fault.got, advice: fault.advice)
    }
  }

  func temperature(of version: AuditSubject) -> Double? { nil }
  func samples(of version: AuditSubject) -> Int { 0 }
  func hasNoise(_ version: AuditSubject) -> Bool { version.model.noise != nil }
}

// MARK: - On a served model

extension AuditCommand {
  private func runServed(
    _ probes: [ProbeSpec], battery: String?, with client: DitherClient
  ) async throws -> Outcome {
    let folder = try saveAdversarials.map(AdversarialFolder.init)
    let request = try await request(probes, battery: battery, for: client)
    let found = try await AuditStream.follow(client.audit(request))
    try await folder?.write(found.audit, from: client)
    return Outcome(
      json: found.json, html: found.html,
      protobuf: protobuf == nil ? Data() : try await client.report(of: found.audit, .protobuf).protobuf)
  }

  private func request(
    _ probes: [ProbeSpec], battery: String?, for client: DitherClient
  ) async throws -> Dither_V1_AuditRequest {
    var request = Dither_V1_AuditRequest()
    request.model = model
    request.battery = battery ?? ""
    request.others = baselines
    request.gates = gates
    request.saveAdversarials = saveAdversarials != nil
    request.budgetSeconds = budget ?? 0
    request.temperatures = temperatures
    request.outputKinds = outputKinds.map(\.rawValue)
    request.noise = noise.specs
    request.tolerance = tolerance ?? 0
    request.targets =
      try targets.map { try AuditExamples.classNumbers(FileArray(path: $0).labels(at: $0), at: $0) } ?? []
    if let bounds = try features.map(bounds) {
      request.features.low = bounds.low
      request.features.high = bounds.high
      request.features.fixed = bounds.fixed.sorted().map { UInt32(clamping: $0) }
    }
    for name in Set(try probes.flatMap { try $0.resolved().otherData }).sorted() where AuditExamples.isPath(name) {
      request.otherInputs[name] = try AuditExamples.inputs(name).message
    }
    request.seed = seed
    request.samples = samples ?? 0
    request.probes = probes.map { probe in
      var message = Dither_V1_ProbeRequest()
      message.probe = probe.probe
      message.parameters = probe.parameters
      return message
    }
    if isOwnData {
      let served = try await client.model(String(model.prefix { $0 != "+" }))
      // A regression has no classes.
      request.examples = try AuditExamples(
        data, labels: labels, usual: usualExamples, targets: served.signature.classes == 0 ? .regression : nil
      ).message()
    } else {
      request.dataSet = data
    }
    return request
  }
}

extension OutputKind: ExpressibleByArgument {}
