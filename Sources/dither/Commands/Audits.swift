import ArgumentParser
import DitherBasics
import DitherClient
import DitherProto
import DitherRobustness
import Foundation

/// `dither audits`: the audits of a server, running and done.
struct AuditsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audits", abstract: "List, watch and cancel the audits of a server, fetch and open their reports.",
    discussion: "Example: dither audits list",
    subcommands: [List.self, Watch.self, Cancel.self, FetchReport.self, AuditsOpenCommand.self])

  /// An audit as it stands.
  struct State: Encodable {
    var audit: String
    var state: String
    var model: String
    var battery: String?
    /// Probes that were named one by one.
    var probes: [String]?
    var created: String
    var message: String?

    init(_ state: Dither_V1_AuditState) {
      audit = state.audit
      self.state =
        switch state.state {
        case .queued: "queued"
        case .running: "running"
        case .done: "done"
        case .failed: "failed"
        case .cancelled: "cancelled"
        case .unspecified, .UNRECOGNIZED: "unknown"
        }
      // An ensemble has no version of its own.
      model = state.version > 0 ? "\(state.model)@\(state.version)" : state.model
      battery = state.battery.isEmpty ? nil : state.battery
      probes = state.probes.isEmpty ? nil : state.probes
      created = timeText(state.createdMs)
      message = state.message.isEmpty ? nil : state.message
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List them, newest first.", discussion: "Example: dither audits list mnist-mlp-noise --json")
    @Argument(help: "Only those of the model of this name.")
    var model = ""
    @Option(help: "The newest so many alone. (default: all)")
    var most: Int?
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func validate() throws {
      if let most, most < 1 { throw ValidationError("--most: expected 1 or more, got \(most)") }
    }

    func run() async throws {
      let audits = try await server.withClient { try await $0.listAudits(of: model, most: most) }.map(State.init)
      if json { return try Json.print(["audits": audits]) }
      print(
        table(
          [["audit", "state", "model", "battery", "created", ""]]
            + audits.map {
              [
                $0.audit, $0.state, $0.model, $0.battery ?? $0.probes?.joined(separator: ", ").clipped(to: 30) ?? "",
                $0.created, $0.message ?? "",
              ]
            }))
    }
  }

  struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Follow an audit until it ends; any number may.",
      discussion: "Ctrl-C leaves it running. Example: dither audits watch l8x2k1-9f3 --json")
    @Argument(help: "Its name, as `dither audits list` gives it.")
    var audit: String
    @Flag(help: "Print the report as one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func run() async throws {
      let outcome = try await server.withClient { try await AuditStream.follow($0.watchAudit(audit)) }
      if json {
        Json.show(outcome.json)
      } else {
        print("done: `dither audits report \(audit) --html report.html`")
      }
    }
  }

  struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "End an audit that is not done; what it found is lost.",
      discussion: "Example: dither audits cancel l8x2k1-9f3")
    @Argument(help: "Its name, as `dither audits list` gives it.")
    var audit: String
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func run() async throws {
      let state = State(try await server.withClient { try await $0.cancelAudit(audit) })
      if json { return try Json.print(state) }
      print("\(state.audit) is \(state.state)")
    }
  }

  struct FetchReport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "report", abstract: "Fetch the report of an audit that is done.",
      discussion: "Without a file, JSON is printed. Example: dither audits report l8x2k1-9f3 --html report.html")
    @Argument(help: "Its name, as `dither audits list` gives it.")
    var audit: String
    @Option(help: "Write the page to this file.")
    var html: String?
    @Flag(help: "Print the report as one JSON object, beside what is written to files.")
    var json = false
    @Option(help: "Write a dither.v1.AuditReport to this file.")
    var protobuf: String?
    @Option(help: "Write what each attack made to this folder, of an audit that was asked to --save-adversarials.")
    var adversarials: String?
    @OptionGroup var files: ReportFiles
    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await server.withClient { client in
        if let html { try await OutputFile.write(client.report(of: audit, .html).html, to: html) }
        if let protobuf { try await OutputFile.write(client.report(of: audit, .protobuf).protobuf, to: protobuf) }
        if let adversarials { try await AdversarialFolder(adversarials).write(audit, from: client) }
        let wanted = [html, protobuf, adversarials].compactMap { $0 } + files.paths
        guard json || wanted.isEmpty || !files.paths.isEmpty else { return }
        let found = try await client.report(of: audit, .json).json
        if !files.paths.isEmpty { try files.write(Report(json: found)) }
        if json || wanted.isEmpty { Json.show(found) }
      }
    }
  }
}
