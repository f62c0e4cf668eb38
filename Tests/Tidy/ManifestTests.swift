import Testing

/// The manifest says what each module knows: everything that it imports, and nothing in vain.
@Suite("Manifest")
struct ManifestTests {
  /// Names in the manifest that stand for products.
  private static let products = [
    "protobuf": ["SwiftProtobuf"], "log": ["Logging"], "nioCore": ["NIOCore"], "httpClient": ["AsyncHTTPClient"],
    "yaml": ["Yams"], "tracing": ["Tracing"],
    "nio": ["NIOCore", "NIOPosix", "NIOHTTP1", "NIOTLS", "NIOSSL", "NIOHTTP2", "NIOHPACK"],
  ]
  /// Declared where it is not imported: `Basics` under every module, NIO as a whole.
  private static let inVain: Set<String> = [
    "DitherBasics",
    "NIOCore", "NIOPosix", "NIOHTTP1", "NIOTLS", "NIOSSL", "NIOHTTP2", "NIOHPACK",
  ]

  @Test("modules declare what they import, and nothing else")
  func declared() throws {
    let manifest = try #require(Repository.file("Package.swift")).text
    var rooms = 0
    for match in manifest.matches(of: /(?s)\bmodule\(\s*"(\w+)",\s*\[(.*?)\]((?: \+ nio)?)\)/) {
      let room = String(match.1), body = String(match.2) + String(match.3)
      var declared = Set(body.matches(of: /"([CD]\w+)"/).map { String($0.1) })
      declared.formUnion(body.matches(of: /name: "(\w+)"/).map { String($0.1) }.filter { $0 != "GRDB.swift" })
      for (name, modules) in Self.products where body.firstMatch(of: try Regex("(^|[\\s,+\\[])\(name)\\b")) != nil {
        declared.formUnion(modules)
      }
      let imported = Set(Repository.sources.filter { $0.room == room }.flatMap(LayerTests.imports).map(\.name))
        .subtracting([
          "Foundation", "FoundationEssentials", "Dispatch", "Synchronization", "Glibc",
        ])
      let missing = imported.subtracting(declared), vain = declared.subtracting(imported).subtracting(Self.inVain)
      #expect(missing.isEmpty && vain.isEmpty, "\(room): not declared \(missing.sorted()), in vain \(vain.sorted())")
      rooms += 1
    }
    #expect(rooms > 10, "the manifest reads otherwise than this test thinks")
  }
}
