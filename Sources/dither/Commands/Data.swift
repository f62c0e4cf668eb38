import ArgumentParser
import DitherBasics
import DitherDatasets
import Foundation

/// `dither data`: the data sets on this machine.
struct DataCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "List, fetch and check data sets.",
    discussion: """
      They lie under one root, named by DITHER_DATA; Fashion-MNIST is also taken from Debian's dataset-fashion-mnist.

      Example: dither data list
      """,
    subcommands: [List.self, Get.self, Verify.self])

  struct Root: ParsableArguments {
    @Option(name: .customLong("root"), help: "The data root. (default: $DITHER_DATA)")
    var path: String?
    var root: DataRoot { path.map { DataRoot(URL(filePath: $0, directoryHint: .isDirectory)) } ?? .standard }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the data sets that Dither knows, and which are here.",
      discussion: "Example: dither data list --json")
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var place: Root

    func run() throws {
      let sets = Catalog.dataSets.entries.map { Description($0, in: place.root) }
      if json { return try Json.print(Answer(root: place.root.url.path, dataSets: sets)) }
      print("data root: \(place.root.url.path)")
      print(
        table(
          [["name", "here", "size", ""]]
            + sets.map { [$0.name, $0.present ? "yes" : "no", $0.bytes > 0 ? byteText($0.bytes) : "–", $0.summary] }))
      print("in the place of a name, one's own:")
      for form in Catalog.dataForms.entries { print("  \(form.summary)") }
    }

    private struct Answer: Encodable {
      var root: String
      var dataSets: [Description]
    }

    private struct Description: Encodable {
      var name: String
      var summary: String
      var present: Bool
      var bytes: Int
      var files: [String]

      init(_ source: any DatasetSource.Type, in root: DataRoot) {
        name = source.name
        summary = source.summary
        present = source.isPresent(in: root)
        bytes = source.files.reduce(0) { $0 + $1.bytes }
        files = source.files.map(\.path)
      }
    }
  }

  struct Get: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Download a data set from its public address and check it.",
      discussion: "Example: dither data get mnist")
    @Argument(help: "Its name, as `dither data list` shows it.")
    var name: String
    @Option(help: "An address that replaces the public one: a mirror.")
    var mirror: String?
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var place: Root

    func run() async throws {
      let source = try Catalog.dataSets.entry(named: name)
      let address = try mirror.map { text in
        guard let url = URL(string: text), url.scheme != nil else {
          throw CommandError(
            .badOption, at: "--mirror", expected: "an address as https://…", got: "'\(text.clipped())'")
        }
        return url
      }
      let store = DataStore(place.root, mirror: address)
      try await store.get(source) { Console.note("fetching \($0)") }
      try store.verify(source)
      if json { return try Json.print(["name": name, "root": place.root.url.path]) }
      print("\(name): complete in \(place.root.url.path)")
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Compare the data sets that are here with their published checksums.",
      discussion: "Example: dither data verify fashion-mnist")
    @Argument(help: "Names. (default: all that are here)")
    var names: [String] = []
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var place: Root

    func run() throws {
      let sources =
        names.isEmpty
        ? Catalog.dataSets.entries.filter { $0.isPresent(in: place.root) }
        : try names.map { try Catalog.dataSets.entry(named: $0) }
      let results = sources.map { Result($0, in: place.root) }
      if json {
        try Json.print(["data_sets": results])
      } else {
        print(table(results.map { [$0.name, $0.ok ? "as published" : $0.error ?? ""] }))
      }
      if let failed = results.first(where: { !$0.ok }) {
        throw CommandFailure(status: failed.status, message: json ? failed.error ?? "" : "")
      }
    }

    private struct Result: Encodable {
      var name: String
      var ok: Bool
      var error: String?
      var status: ExitStatus { category.map(ExitStatus.init) ?? .checkFailed }
      private var category: FaultCategory?
      private enum CodingKeys: CodingKey { case name, ok, error }

      init(_ source: any DatasetSource.Type, in root: DataRoot) {
        name = source.name
        do {
          try DataStore(root).verify(source)
          ok = true
        } catch {
          ok = false
          self.error = "\(error)"
          category = error.category
        }
      }
    }
  }
}
