import ArgumentParser
import DitherBasics
import DitherStorePostgres
import Foundation

/// `dither database`: the tables of a PostgreSQL database that servers share.
struct DatabaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "database", abstract: "Bring a shared PostgreSQL database to this release.",
    discussion: "Example: dither database upgrade --database postgresql://dither@db/dither",
    subcommands: [Upgrade.self])

  struct Upgrade: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Bring the tables of an earlier release to this one's, all or none.",
      discussion: """
        An empty database is filled by the first server that starts. One of an earlier release is refused by servers, \
        as others may still be using it: stop those, keep a copy (pg_dump), run this, and start the new ones.

        Example: dither database upgrade --database postgresql://dither@db/dither
        """)
    @Option(help: "The database, as postgresql://USER@HOST/NAME; the password in PGPASSWORD or ~/.pgpass.")
    var database: String
    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
      let address = try PostgresAddress(database), steps = try await PostgresStore.upgrade(address)
      if json { return try Json.print(["steps": steps]) }
      print(steps.isEmpty ? "\(address) is of this release" : "\(address): \(steps.joined(separator: "; "))")
    }
  }
}
