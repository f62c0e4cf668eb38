import CPostgres
import DitherBasics
import DitherStore
import Glibc

/// Where a database is, as libpq writes it: `postgresql://user@host:5432/name?sslmode=verify-full`, with several hosts
/// as `host1,host2`. Whatever it does not say, libpq takes from the environment (`PGPASSWORD`) and from `~/.pgpass`.
public struct PostgresAddress: Sendable, Equatable, CustomStringConvertible {
  /// As it was given: it may have a password in it.
  let text: String
  /// The database and its host, for messages: never a password.
  public let description: String

  /// Whether a word is meant to be such an address.
  public static func isOne(_ text: String) -> Bool {
    text.hasPrefix("postgresql://") || text.hasPrefix("postgres://")
  }

  /// - Throws: `.badPlace` where libpq is not installed, or cannot read the address.
  public init(_ text: String) throws(StoreError) {
    func refuse(_ got: String, _ advice: String?) -> StoreError {
      StoreError(
        .badPlace, at: "the database's address", expected: "postgresql://USER@HOST:PORT/NAME", got: got, advice: advice)
    }
    guard Self.isOne(text) else {
      throw refuse("something that does not begin with postgresql://", "say it as psql takes it")
    }
    guard !text.utf8.contains(0) else { throw refuse("one with a NUL in it", nil) }
    if let words = cpg_load() {
      throw StoreError(
        .badPlace, at: "a database of PostgreSQL", expected: "its client library, libpq 5",
        got: String(cString: words).clipped(), advice: "install it: apt-get install libpq5")
    }
    if let words = Self.taken(cpg_fault(text)) {
      // libpq repeats what it cannot make sense of, which may be a piece of a password.
      let isPlain = !["://", "@", "%"].contains { words.contains($0) }
      throw refuse(
        isPlain ? words.clipped() : "one that libpq cannot read",
        "say it as psql takes it; signs that mean something there are written as %40")
    }
    let ports = (Self.part(text, "port") ?? "").split(separator: ",")
    guard ports.allSatisfy({ (1...65_535).contains(Int($0) ?? 0) }) else {
      throw refuse("a port that is none", "5432 is the usual one")
    }
    self.text = text
    let name = Self.part(text, "dbname") ?? Self.part(text, "user") ?? "of the user's name"
    let host = Self.part(text, "host").map { $0.isEmpty ? "this machine" : $0 } ?? "this machine"
    let port = Self.part(text, "port").map { ":\($0)" } ?? ""
    description = "database '\(name.clipped())' on \(host.clipped())\(port.clipped())"
  }

  private static func part(_ text: String, _ keyword: String) -> String? { taken(cpg_part(text, keyword)) }

  private static func taken(_ words: UnsafeMutablePointer<CChar>?) -> String? {
    guard let words else { return nil }
    defer { free(words) }
    return String(cString: words)
  }
}
