import DitherReports
import DitherStore
import Foundation
import Synchronization

/// The findings of a model's audits over its versions: those that asked the same of the same data stand together.
struct AuditTrend {
  /// An audit that is done, with what it found.
  struct Entry {
    var version: Int64
    var job: Job
    var figures: AuditFigures
    /// The attack that left least.
    var worst: AuditFigures.Attack? { figures.attacks.min { $0.robust < $1.robust } }
  }

  /// In any order.
  var entries: [Entry]
  /// Audits that are done, and whose figures have not been read yet.
  var unread: Int

  var html: Html? {
    guard !entries.isEmpty else { return nil }
    let groups = Dictionary(grouping: entries) { "\($0.figures.battery) \($0.figures.data) \($0.figures.examples)" }
    let newest = groups.values.sorted { Self.latest($0) > Self.latest($1) }
    let rest: Html? =
      unread > 0 ? "<p>\(unread) more audits are done, whose figures come with the next loads of this page.</p>" : nil
    return """
      <h3>Over the versions</h3>
      \(Html(joining: newest.map(Self.group), by: "\n"))
      \(rest)
      """
  }

  private static func latest(_ group: [Entry]) -> Int64 { group.map(\.job.createdMilliseconds).max() ?? 0 }

  private static func group(_ entries: [Entry]) -> Html {
    let sorted = entries.sorted { ($0.version, $0.job.createdMilliseconds) < ($1.version, $1.job.createdMilliseconds) }
    guard let first = sorted.first?.figures else { return "" }
    let rows = sorted.map { entry -> [Html] in
      [
        "<a href=\"/audits/\(entry.job.id)\">version \(entry.version)</a>",
        entry.figures.clean.map(share) ?? "–", entry.worst.map { share($0.robust) } ?? "–",
        entry.worst.map { "\($0.name)" } ?? "", ConsolePage.time(entry.job.createdMilliseconds),
      ]
    }
    let title: Html = "\(first.battery.isEmpty ? "Named probes" : first.battery) on \(first.examples) of \(first.data)"
    let legend: Html? =
      sorted.count > 1
      ? "<span>Right by version: unchanged as a whole line, under the worst attack as a broken one.</span>" : nil
    return """
      <figure><figcaption>\(title)\(legend)</figcaption>\(sorted.count > 1 ? chart(sorted) : nil)</figure>
      \(ConsolePage.table(["audited", "unchanged", "under the worst attack", "which", "started"], rows.reversed(), none: ""))
      """
  }

  private static func share(_ value: Double) -> Html { "\(String(format: "%.1f %%", 100 * value))" }

  private static let width = 460.0, height = 130.0, left = 44.0, top = 10.0, bottom = 26.0

  /// The shares that are right, unchanged and under the worst attack, by audit in the order of versions.
  private static func chart(_ sorted: [Entry]) -> Html {
    func x(_ at: Int) -> Double { left + 12 + (width - left - 24) * Double(at) / Double(max(sorted.count - 1, 1)) }
    func y(_ value: Double) -> Double { top + (height - top - bottom) * (1 - value) }
    func line(_ values: [Double?], dash: String) -> Html {
      let points = values.enumerated().compactMap { at, value in value.map { (x(at), y($0)) } }
      let marks = points.map { "<circle cx=\"\($0.0)\" cy=\"\($0.1)\" r=\"3\"/>" as Html }
      let path = points.map { "\($0.0),\($0.1)" }.joined(separator: " ")
      return "<polyline points=\"\(path)\" stroke-dasharray=\"\(dash)\"/>\(marks)"
    }
    let ticks = [0, 0.5, 1].map { value -> Html in
      """
      <line x1="\(left)" x2="\(width)" y1="\(y(value))" y2="\(y(value))"/>\
      <text x="2" y="\(y(value) + 4)">\(Int(100 * value)) %</text>
      """
    }
    // Beside each other they would cover one another.
    let step = (sorted.count + 11) / 12
    let names = sorted.indices.filter { $0 % step == 0 }.map { at -> Html in
      "<text x=\"\(x(at))\" y=\"\(height - 6)\" text-anchor=\"middle\">\(sorted[at].version)</text>"
    }
    return """
      <svg class="trend" viewBox="0 0 \(width) \(height)" role="img" \
      aria-label="Right by version: unchanged as a whole line, under the worst attack as a broken one; the table has the numbers">
      \(ticks)\(line(sorted.map(\.figures.clean), dash: "none"))\(line(sorted.map { $0.worst?.robust }, dash: "5 4"))\(names)</svg>
      """
  }
}

/// Figures of audits that are done: a report never changes, and is read once.
final class AuditFigureCache: Sendable {
  private let known = Mutex<[String: AuditFigures?]>([:])
  private static let most = 1024
  /// Reports that one page reads.
  private static let mostRead = 6

  /// - Parameters:
  ///   - audits: in the order in which they are read.
  ///   - read: the figures of one that is not known.
  func trend(
    of audits: [Job], _ read: (Job) async throws -> AuditFigures?
  ) async throws -> AuditTrend {
    var entries: [AuditTrend.Entry] = [], unread = 0, reads = 0
    for job in audits where job.state == .done {
      // An ensemble has no version of its own.
      guard let version = job.subject.split(separator: "@").last.flatMap({ Int64($0) }) else { continue }
      let figures: AuditFigures?
      if let found = known.withLock({ $0[job.id] }) {
        figures = found
      } else if reads < Self.mostRead {
        reads += 1
        figures = try await read(job)
        known.withLock { known in
          if known.count >= Self.most { known = [:] }
          known[job.id] = .some(figures)
        }
      } else {
        unread += 1
        continue
      }
      if let figures { entries.append(.init(version: version, job: job, figures: figures)) }
    }
    return AuditTrend(entries: entries, unread: unread)
  }
}
