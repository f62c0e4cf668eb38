import Testing

/// Which module may know which: the table of the design. A module imports only what stands here.
@Suite("Layers")
struct LayerTests {
  /// Rooms of our own that each room may import; in the order of the table, from below.
  static let known: [String: Set<String>] = [
    "Basics": [],
    "Tensor": ["Basics"],
    "Proto": ["Basics"],
    "Transport": ["Basics", "Proto"],
    "Store": ["Basics"],
    "StorePostgres": ["Basics", "Store"],
    "StoreS3": ["Basics", "Store"],
    "Graph": ["Basics", "Tensor"],
    "Datasets": ["Basics", "Tensor"],
    "Inference": ["Basics", "Tensor", "Graph"],
    "Robustness": ["Basics", "Tensor", "Graph", "Inference"],
    "Jobs": ["Basics", "Store"],
    "Reports": ["Basics", "Tensor", "Graph", "Inference", "Robustness"],
    "Client": ["Basics", "Proto", "Transport"],
    "Train": [
      "Basics", "Tensor", "Graph", "Inference", "Robustness", "Reports", "Datasets", "Store", "Jobs",
    ],
    "Service": [
      "Basics", "Tensor", "Graph", "Inference", "Robustness", "Reports", "Datasets", "Store", "Jobs", "Proto",
      "Transport",
    ],
    "Bench": everything, "dither": everything,
  ]
  private static let everything: Set<String> = [
    "Basics", "Tensor", "Graph", "Inference", "Robustness", "Reports", "Datasets", "Store", "StorePostgres", "StoreS3",
    "Jobs", "Proto", "Transport", "Client", "Train", "Service", "Bench", "dither",
  ]

  /// Libraries of others and C of our own, each with the rooms that may know it.
  static let homes: [String: Set<String>] = [
    "GRDB": ["Store"], "CPostgres": ["StorePostgres"], "CCurl": ["StoreS3"], "Yams": ["Basics", "Train"],
    "Configuration": ["Service"], "ArgumentParser": ["dither"],
    "CPng": ["Datasets"], "CJpeg": ["Datasets"], "CZlib": ["Basics", "Reports"], "COpenSSL": ["Basics", "Transport"],
    "NIOHTTP1": ["Transport", "Datasets", "Service"], "NIOHTTP2": ["Transport"], "NIOHPACK": ["Transport"],
    "NIOTLS": ["Transport"], "NIOSSL": ["Transport"], "NIOConcurrencyHelpers": ["Transport"],
    "NIOPosix": ["Transport", "Client", "Bench"],
    "NIOCore": ["Transport", "Client", "Service", "Bench", "dither", "Datasets"],
    "AsyncHTTPClient": ["Datasets", "Bench", "Service"], "Tracing": ["Transport", "Service"],
    "SwiftProtobuf": ["Proto", "Transport", "Client", "Service", "Graph", "Bench"],
    "Logging": ["Transport", "Service", "dither"],
    "CKernels": ["Tensor"], "COneDNN": ["Tensor"],
    "Foundation": everything, "FoundationEssentials": everything,
    "Synchronization": everything,
    // Threads are the service's; below it only these few places divide work.
    "Dispatch": [
      "Graph", "Tensor", "Inference", "Robustness", "Store", "StorePostgres", "StoreS3", "Jobs", "Train", "Service",
      "Bench", "dither",
    ],
    "Glibc": everything,
  ]

  @Test("a module imports what the table allows, and libraries stay where they are at home")
  func imports() throws {
    var faults: [String] = []
    for file in Repository.sources {
      let allowed = try #require(Self.known[file.room], "\(file): a room that the table does not have")
      for (line, name) in Self.imports(of: file) {
        if name.hasPrefix("Dither") {
          if !allowed.contains(String(name.dropFirst(6))) { faults.append("\(file.place(line)) imports \(name)") }
        } else if Self.homes[name]?.contains(file.room) != true {
          faults.append("\(file.place(line)) imports \(name)")
        }
      }
    }
    #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
  }

  /// What fuses, folds, bounds, reads and writes graphs asks ops, so that an op stays one file.
  @Test("no file but an op's own asks whether an op is that op")
  func casts() throws {
    let files = Repository.sources.filter { $0.path.hasPrefix("Sources/Graph/") }
    let ops = files.filter { $0.path.hasPrefix("Sources/Graph/Ops/") }
    var homes: [String: String] = [:]
    for file in ops {
      for match in file.text.matches(of: /struct (\w+): [^{]*\b(?:Op|OnnxOp|Composite|Viewing|\w+Function|\w+Family)\b/)
      {
        homes[String(match.1)] = file.path
      }
    }
    #expect(homes.count > 100, "ops are declared otherwise than this test thinks")
    let faults = files.flatMap { file in
      file.lines.enumerated().flatMap { at, line in
        line.drop { $0 == " " }.hasPrefix("//")
          ? []
          : line.matches(of: /\b(?:is|as[?!]?) (\w+)\b/).filter { match in
            homes[String(match.1)].map { $0 != file.path } ?? false
          }.map { "\(file.place(at)) casts to \($0.1)" }
      }
    }
    #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
  }

  @Test("the table has no circle")
  func order() {
    for (room, below) in Self.known where room != "Bench" && room != "dither" {
      for other in below { #expect(Self.known[other]?.contains(room) == false, "\(room) and \(other)") }
    }
  }

  @Test("from Tensor to Robustness nothing is async")
  func synchronous() {
    let calm: Set = ["Basics", "Tensor", "Graph", "Datasets", "Inference", "Robustness", "Reports"]
    // The one that fetches data sets.
    let faults = Repository.sources.filter { calm.contains($0.room) && $0.path != "Sources/Datasets/DataStore.swift" }
      .flatMap { file in
        file.lines.indices.filter { Self.isAsynchronous(file.lines[$0]) }.map(file.place)
      }
    #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
  }

  private static func isAsynchronous(_ line: Substring) -> Bool {
    !line.drop { $0 == " " }.hasPrefix("//")
      && line.firstMatch(of: /\b(async(\s+throws|\s*\{|\s*->)|await\s|DispatchQueue\.main|Task\s*\{)/) != nil
  }

  @Test("other programs are begun as ChildProcess does")
  func programs() {
    let faults = (Repository.sources + Repository.tests).flatMap { file in
      file.lines.indices.filter { file.lines[$0].contains(/= Process\(\)/) }.map(file.place)
    }
    #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
  }

  static func imports(of file: Repository.File) -> [(line: Int, name: String)] {
    file.lines.enumerated().compactMap { at, line in
      line.wholeMatch(
        of: /(?:(?:@\w+|public|package|internal|private)\s+)*import (?:struct |enum |func |class )?(\w+)[.\w]*\s*/
      )
      .map { (at, String($0.1)) }
    }
  }
}
