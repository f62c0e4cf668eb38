import DitherBasics

/// The trail of who did what, in a table. An entry is written in the transaction of its deed.
package struct SqlTrail: TrailRecords {
  private let database: any SqlDatabase
  package init(_ database: any SqlDatabase) { self.database = database }

  package func entries(_ query: TrailQuery, limit: Int) async throws(StoreError) -> [TrailEntry] {
    try await database.read { db in
      var conditions: [String] = [], arguments: [any SqlArgument] = [limit]
      func argument(_ value: any SqlArgument) -> String {
        arguments.append(value)
        return "$\(arguments.count)"
      }
      if let who = query.who { conditions.append("who = \(argument(who))") }
      if let action = query.action { conditions.append("action = \(argument(action))") }
      if let subject = query.subject {
        // ";" and "A" are the bytes behind ":" and "@".
        let (versions, aliases) = (argument("\(subject)@"), argument("\(subject):"))
        conditions.append(
          """
          (subject = \(argument(subject)) OR subject >= \(versions) AND subject < \(argument("\(subject)A"))
          OR subject >= \(aliases) AND subject < \(argument("\(subject);")))
          """)
      }
      if let behind = query.behind {
        conditions.append("number \(query.isOldestFirst ? ">" : "<") \(argument(behind))")
      }
      let narrowed = conditions.isEmpty ? "TRUE" : conditions.joined(separator: " AND ")
      return try db.rows(
        "SELECT * FROM trail WHERE \(narrowed) ORDER BY number \(query.isOldestFirst ? "ASC" : "DESC") LIMIT $1",
        arguments
      ).map(Self.entry)
    }
  }

  /// Puts a deed on record. Who writes there is the only one who does (`SqlWrite.records`).
  /// - Parameter detail: keys and values; without those that are nil.
  static func note(
    _ action: TrailAction, _ subject: String, by who: String, _ detail: KeyValuePairs<String, String?>,
    _ db: any SqlSession
  ) throws {
    let last = try db.row("SELECT number, hash FROM trail ORDER BY number DESC LIMIT 1")
    let now: Int64 = try db.row("SELECT now_ms() AS now")?["now"] ?? 0
    let number: Int64 = try last?["number"] ?? 0, hash: String = try last?["hash"] ?? TrailEntry.beginning
    var entry = TrailEntry(
      number: number + 1, milliseconds: now, who: who, action: action.rawValue, subject: subject,
      detail: detail.compactMap { pair in pair.value.map { "\(pair.key)=\($0)" } }.joined(separator: " "))
    entry.hash = entry.hash(behind: hash)
    try db.run(
      "INSERT INTO trail (number, at_ms, who, action, subject, detail, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)",
      [entry.number, entry.milliseconds, entry.who, entry.action, entry.subject, entry.detail, entry.hash])
  }

  private static func entry(_ row: SqlRow) throws -> TrailEntry {
    TrailEntry(
      number: try row["number"], milliseconds: try row["at_ms"], who: try row["who"], action: try row["action"],
      subject: try row["subject"], detail: try row["detail"], hash: try row["hash"])
  }
}
