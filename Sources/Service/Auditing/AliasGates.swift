import DitherBasics
import DitherJobs
import DitherRobustness
import DitherStore
import Foundation

/// The gates that versions must have passed before some aliases point at them, as a file says it: a line for each, an
/// alias and a gate (`live pgd:epsilon=8/255>=0.4`), or an alias alone, for which any gates do. Empty lines and those
/// that begin with `#` say nothing.
struct AliasGates: Sendable {
  /// Bytes of a file.
  private static let mostBytes = 64 << 10
  /// By alias, in the order of the file.
  private let gates: [String: [Gate]]

  /// No alias has any.
  init() { gates = [:] }

  /// - Throws: `ServiceFault.configuration` with the line of what is no alias or no gate.
  init(path: String) throws(ServiceError) {
    guard let bytes = FileManager.default.contents(atPath: path), bytes.count <= Self.mostBytes else {
      throw ServiceError(
        .configuration, at: path, expected: "a file of at most \(Self.mostBytes) bytes that can be read", got: "none")
    }
    var gates: [String: [Gate]] = [:]
    let lines = String(decoding: bytes, as: UTF8.self).split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (at, line) in lines.map(String.init).enumerated() {
      let words = line.split(maxSplits: 1, whereSeparator: \.isWhitespace).map(String.init)
      guard let alias = words.first, !alias.hasPrefix("#") else { continue }
      do {
        try ModelReference.check(alias: alias, "alias")
        gates[alias, default: []] += try words.dropFirst().map { try Gate(parsing: $0) }
      } catch let fault as any AnyFault {
        throw ServiceError(
          .configuration, at: "\(path), line \(at + 1)", expected: fault.expected, got: fault.got, advice: fault.advice)
      } catch {
        throw ServiceError(
          .configuration, at: "\(path), line \(at + 1)", expected: "an alias and a gate", got: "'\(line.clipped())'")
      }
    }
    self.gates = gates
  }

  /// Whether an alias has any.
  func guards(_ alias: String) -> Bool { gates[alias] != nil }

  /// - Throws: `ServiceFault.gates` for an alias that has gates: no audit was named.
  func checkFree(_ alias: String) throws(ServiceError) {
    guard let gates = gates[alias] else { return }
    let words = gates.isEmpty ? "gates" : gates.map(\.text).joined(separator: ", ")
    throw ServiceError(
      .gates, at: "alias '\(alias)'", expected: "an audit of the version that has passed \(words.clipped(to: 200))",
      got: "none", advice: "audit the version with these gates, then: dither models alias --require-gates AUDIT")
  }

  /// - Parameter report: of an audit that is done, of the very version.
  /// - Throws: `ServiceFault.gates` for gates that were not kept, and for those of the alias that were not asked.
  func check(_ report: Report, of audit: String, for alias: String) throws(ServiceError) {
    func refuse(_ expected: String, _ got: String) -> ServiceError {
      ServiceError(.gates, at: "audit '\(audit)'", expected: expected, got: got)
    }
    let judged = report.gates ?? []
    guard !judged.isEmpty else { throw refuse("an audit with gates", "one without") }
    if let failed = judged.first(where: { !$0.passed }) {
      throw refuse("gates that are kept", failed.message.clipped(to: 200))
    }
    let kept = Set(judged.map(\.gate))
    if let missing = (gates[alias] ?? []).first(where: { !kept.contains($0.text) }) {
      throw refuse("the gate \(missing.text), which the alias '\(alias)' asks for", "\(judged.count) others")
    }
  }
}

extension ModelRegistry {
  /// A report that is done stays as it is, so that nothing can come between this and the move.
  func checkGates(
    of audit: String, _ version: ModelVersion, for alias: String, seenBy scope: NameScope, on pool: ComputePool
  ) async throws {
    let jobs = store.jobs, job = try await jobs.job(audit)
    try scope.check(audit: job)
    let spec = try AuditSpec(job)
    func refuse(_ expected: String, _ got: String) -> ServiceError {
      ServiceError(.gates, at: "audit '\(job.id)'", expected: expected, got: got)
    }
    guard spec.model.members == nil, spec.model.blob == version.blob else {
      throw refuse("one of \(version.reference), \(version.blob)", "one of \(spec.model.reference)")
    }
    guard spec.noise == nil else { throw refuse("one of the version with its own noise", "one with another") }
    guard job.state == .done, let found = try await jobs.report(job.id) else {
      throw refuse("one that is done", job.standing)
    }
    let gates = aliasGates
    try await pool.run { try gates.check(Report(json: Data(found.json)), of: job.id, for: alias) }
  }
}
