/// When and where an audit was made, and by whom: in a report only if it is asked for, as no two audits have the same.
public struct Stamp: Codable, Sendable, Equatable {
  /// Its end, in UTC, as ISO 8601 writes it: `2026-11-30T04:28:54Z`.
  public var date: String
  /// Processor, cores and operating system.
  public var machine: String
  /// A name that the auditor gave; left out where none was.
  public var auditor: String?

  /// - Parameter date: in UTC, as ISO 8601 writes it.
  public init(date: String, machine: String, auditor: String? = nil) {
    (self.date, self.machine, self.auditor) = (date, machine, auditor)
  }
}
