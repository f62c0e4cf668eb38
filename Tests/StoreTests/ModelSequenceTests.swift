import DitherBasics
import DitherStore
import DitherTensor
import DitherTestSupport
import Testing

@Suite("Models in any order of operations, against a list")
struct ModelSequenceTests {
  private struct Version: Equatable {
    var name: String, number: Int64, content: String, card: String
    var calibration: String?
    var calibrations: Int64 = 0
  }

  /// What any store must say, in a few lines.
  private struct Expected {
    var next: [String: Int64] = [:]
    var versions: [Version] = []
    /// By name and alias.
    var aliases: [[String]: Int64] = [:]
    var history: [[String]: [Int64?]] = [:]

    mutating func point(_ alias: String, of name: String, to version: Int64?) {
      guard aliases[[name, alias]] != version else { return }
      aliases[[name, alias]] = version
      history[[name, alias], default: []].insert(version, at: 0)
    }

    mutating func publish(_ name: String, _ content: String, _ card: String) -> (Int64, existed: Bool) {
      let same = versions.filter { $0.name == name && $0.content == content && $0.card == card }.max {
        $0.number < $1.number
      }
      if let same { return (same.number, true) }
      let number = next[name] ?? 1
      next[name] = number + 1
      versions.append(Version(name: name, number: number, content: content, card: card))
      return (number, false)
    }

    func lines(of name: String? = nil) -> [String] {
      versions.filter { name == nil || $0.name == name }
        .sorted { ($0.name, -$0.number) < ($1.name, -$1.number) }
        .map { version in
          let aliases = aliases.filter { $0.key[0] == version.name && $0.value == version.number }.map { $0.key[1] }
          return "\(version.name)@\(version.number) \(version.card) \(aliases.sorted()) \(version.calibration ?? "-")"
        }
    }
  }

  private static func lines(_ versions: [ModelVersion]) -> [String] {
    versions.map { version in
      let calibration = version.calibration.map { "\($0.number) \(String(decoding: $0.content, as: UTF8.self))" }
      return "\(version.reference) \(version.model.card) \(version.aliases) \(calibration ?? "-")"
    }
  }

  @Test(arguments: UInt64(1)...4, StoreKind.all)
  func sequences(_ seed: UInt64, _ kind: StoreKind) async throws {
    var random = PhiloxGenerator(seed: seed, stream: 0x5708)
    func pick<T>(_ list: [T]) -> T { list[Int.random(in: 0..<list.count, using: &random)] }
    let scratch = try Scratch()
    var standing: (any Store)? = try await kind.open(scratch.path)
    var expected = Expected(), index = ModelIndex([]), seen: Int64 = 0
    for step in 0..<250 {
      let name = pick(["a", "b", "net"]), alias = pick(["best", "live"]), number = Int64(pick([1, 2, 3, 4, 9]))
      let exists = expected.versions.contains { $0.name == name && $0.number == number }
      let models = try #require(standing).models
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<4:
        let content = pick(["x", "y", "z", "\(step)"]), card = pick([#"{"by":1}"#, #"{"by":2}"#])
        let (version, existed) = expected.publish(name, content, card)
        let asked = Bool.random(using: &random) ? [alias] : []
        let found = try await models.publish(model(name, content, card: card), aliases: asked, by: "")
        for alias in asked { expected.point(alias, of: name, to: version) }
        #expect(found.version.version == version && found.existed == existed, "step \(step)")
      case 4..<6:
        let standing = expected.aliases[[name, alias]]
        let expecting = pick([AliasExpectation.anything, .absent, .version(number)])
        let fits = expecting == .anything || expecting == (standing.map { .version($0) } ?? .absent)
        do {
          _ = try await models.setAlias(alias, of: name, to: number, expecting: expecting, by: "")
          #expect(exists && fits, "step \(step)")
          expected.point(alias, of: name, to: number)
        } catch {
          #expect(
            !exists && error.code == .notFound || exists && !fits && error.code == .conflict, "step \(step): \(error)")
        }
      case 6..<8:
        do {
          _ = try await models.calibrate(name, version: number, Array("c\(step)".utf8), by: "")
          let place = try #require(expected.versions.firstIndex { $0.name == name && $0.number == number })
          expected.versions[place].calibrations += 1
          expected.versions[place].calibration = "\(expected.versions[place].calibrations) c\(step)"
        } catch let error as StoreError { #expect(!exists && error.code == .notFound, "step \(step)") }
      case 8:
        let version = Int.random(in: 0..<4, using: &random) == 0 ? nil : number
        let gone = try await models.remove(name, version: version, by: "")
        let victims = expected.versions.filter { $0.name == name && (version == nil || $0.number == version) }
        #expect(Set(gone.map(\.version)) == Set(victims.map(\.number)))
        for victim in victims {
          expected.versions.removeAll { $0 == victim }
          for key in expected.aliases.keys where key[0] == name && expected.aliases[key] == victim.number {
            expected.point(key[1], of: name, to: nil)
          }
        }
      default:
        // The next process.
        standing = nil
        standing = try await kind.open(scratch.path)
      }
      let store = try #require(standing)
      #expect(try await Self.lines(store.models.all()) == expected.lines(), "step \(step)")
      #expect(try await Self.lines(store.models.versions(of: name)) == expected.lines(of: name), "step \(step)")
      #expect(
        try await store.models.history(of: alias, name: name).map(\.version) == expected.history[[name, alias]] ?? [])
      // As a server follows it: only the names that the changes name.
      let news = try await store.changes(since: seen)
      seen = news.newest
      for name in Set(try #require(news.changes).filter { $0.kind == .model }.map(\.name)) {
        index = index.replacing(name, with: try await store.models.versions(of: name))
      }
      #expect(Self.lines(index.versions) == expected.lines(), "step \(step)")
      for name in ["a", "b", "net"] {
        #expect(Self.lines(Array(index.versions(of: name))) == expected.lines(of: name), "step \(step)")
      }
    }
  }
}
