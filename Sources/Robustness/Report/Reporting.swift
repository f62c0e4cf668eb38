import DitherGraph
import DitherInference
import Foundation

extension Report {
  init(_ runner: AuditRunner, _ results: [[ShardResult]]) {
    let image = ImageShape(runner.subject.model.signature.inputShape), labels = runner.data.labels
    let names = runner.subject.model.signature.labelNames
    let pieces = results.map { $0.flatMap(\.pieces) }
    // Probes of which anything is known; all of them, but for a budget and for failures.
    let known = runner.probes.indices.filter { !pieces[$0].isEmpty }, specs = known.map { runner.plan.probes[$0] }
    let reports = known.map { probe in
      ProbeReport(
        runner.plan.probes[probe], runner.probes[probe], image, pieces[probe].map(\.found),
        labels: ClassLabels(pieces[probe].flatMap { labels[$0.examples] }, names: names),
        rows: pieces[probe].flatMap(\.examples), of: runner.plan.exampleCount)
    }
    let ended = known.filter { pieces[$0].contains(where: \.found.endedEarly) }.map { runner.plan.probes[$0].text }
    let conditions = known.map { runner.probes[$0].condition(of: image) }
    model = runner.subject.name
    version = runner.subject.version
    digest = runner.subject.digest
    members = Member.all(of: runner.subject)
    temperature = runner.subject.temperature == 1 ? nil : runner.subject.temperature
    labelNames = names.isEmpty ? nil : names
    noise = runner.subject.model.noise
    data = runner.data.name
    dataDigest = runner.data.digest
    n = runner.plan.exampleCount
    battery = runner.plan.battery
    seed = runner.plan.seed
    samples = runner.samples
    probes = reports
    let threats = ThreatReport.all(of: reports, examples: runner.plan.exampleCount)
    self.threats = threats.isEmpty ? nil : threats
    if runner.data.values == nil {
      let examples = ExampleFacts(runner.data, of: known.flatMap { pieces[$0] })
      self.examples = examples
      classes = ClassReport.all(examples, reports, threats, names: names)
    } else {
      tolerance = runner.data.tolerances
    }
    corruptions = CorruptionTable(reports, image)
    gates = runner.plan.gates.isEmpty ? nil : runner.plan.gates.map { $0.judged(reports, specs, threats) }
    checks = Checks(zip(specs, zip(reports, conditions)).map { ($0, $1.0, $1.1) }).all
    checks += runner.sanity
    findings = checks.filter { !$0.passed }
    comparisons = runner.others.enumerated().map { at, other in
      Comparison(runner, other, zip(specs, reports).map { ($0, $1, $1.others[at]) }, endedEarly: ended)
    }
    command = Self.command(runner)
    code = runner.code
    failures = zip(runner.plan.probes, results).flatMap { Failure.all(of: $0, $1, runner) }
    if failures?.isEmpty == true { failures = nil }
    let done = results.reduce(0) { $0 + $1.count }, all = runner.plan.shards.count
    guard done < all || !ended.isEmpty else { return }
    let missing = runner.probes.indices.filter { results[$0].isEmpty }.map { runner.plan.probes[$0].text }
    incomplete = Incomplete(
      shardsDone: done, shards: all, missingProbes: missing, endedEarly: ended,
      message:
        "The time was over after \(done) of \(all) shards: each number is over the examples that were done (n). Probes that "
        + "are missing: \(missing.count). Attacks that ended with what they had found by then: \(ended.count). "
        + "The command gives the whole report."
    )
  }

  private static func command(_ runner: AuditRunner) -> String {
    func quoted(_ word: String) -> String {
      let isPlain = word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "@:._/-=,+".contains($0)) }
      return isPlain && !word.isEmpty ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
    let subjects = [runner.subject] + runner.others
    var words = [
      "dither", "audit", quoted(runner.subject.reference), "--data", quoted(runner.data.path ?? runner.data.name),
    ]
    if let labels = runner.data.labelsName { words += ["--labels", quoted(labels)] }
    if let targets = runner.data.targetsName { words += ["--targets", quoted(targets)] }
    if let features = runner.data.featuresName { words += ["--features", quoted(features)] }
    if let tolerance = runner.data.tolerance { words += ["--tolerance", "\(tolerance)"] }
    if let battery = runner.plan.battery { words += ["--battery", battery] }
    for probe in runner.plan.request { words += ["--probe", quoted(probe.text)] }
    for term in runner.subject.saidNoise { words += ["--noise", quoted(term)] }
    for other in runner.others { words += ["--baseline", quoted(other.reference)] }
    // A version may be calibrated anew: what it was audited with is said, if only that it had none.
    let isServed = subjects.contains { $0.version != nil || $0.members.contains { $0.version != nil } }
    let last = subjects.lastIndex { $0.temperature != 1 || isServed } ?? -1
    for subject in subjects[..<(last + 1)] { words += ["--temperature", "\(subject.temperature)"] }
    let lastKind = subjects.lastIndex { $0.outputKind != nil } ?? -1
    for subject in subjects[..<(lastKind + 1)] {
      words += ["--output-kind", (subject.outputKind ?? subject.model.signature.outputKind).rawValue]
    }
    for gate in runner.plan.gates { words += ["--gate", quoted(gate.text)] }
    words += ["--seed", "\(runner.plan.seed)"]
    if runner.samples > 0 { words += ["--samples", "\(runner.samples)"] }
    return words.joined(separator: " ")
  }
}

extension ExampleFacts {
  /// - Parameter pieces: of any probes; those that judge answers say what the examples are taken for as they are.
  fileprivate init(_ data: AuditData, of pieces: [ShardResult.Piece]) {
    first = data.start
    labels = data.labels
    answers = [Int](repeating: Label.none, count: data.labels.count)
    for piece in pieces {
      guard let clean = piece.found.model.answers?.clean else { continue }
      for (row, answer) in zip(piece.examples, clean) where answers.indices.contains(row) { answers[row] = answer }
    }
  }
}

extension Report.Member {
  static func all(of subject: AuditSubject) -> [Self]? {
    subject.members.isEmpty
      ? nil : subject.members.map { Self(model: $0.name, version: $0.version, digest: $0.digest) }
  }
}
