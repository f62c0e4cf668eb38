import DitherReports
import DitherStore

/// The processes that share a database, on the console's first page.
struct ReplicaTable {
  var replicas: [Replica]

  /// Nothing of a server that is alone.
  var html: Html {
    guard replicas.count > 1 else { return "" }
    let names = ["replica", "kind", "changes behind", "last heard of", "compute class", "program", "since"]
    return """
      <section aria-labelledby="replicas">
      <h2 id="replicas">Servers and workers</h2>
      \(ConsolePage.table(names, replicas.map(cells), none: ""))
      </section>
      """
  }

  private func cells(_ replica: Replica) -> [Html] {
    [
      "<code>\(replica.id)</code>", "\(replica.kind.rawValue)", "\(replica.behind)",
      "\(replica.silentMilliseconds / 1000) s ago", "\(replica.computeClass)", "\(replica.code)",
      ConsolePage.time(replica.startedMilliseconds),
    ]
  }
}
