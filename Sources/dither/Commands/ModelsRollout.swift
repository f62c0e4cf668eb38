import ArgumentParser
import DitherBasics
import DitherClient
import DitherProto
import Foundation

extension ModelsCommand {
  /// `dither models rollout`: a candidate of an alias.
  struct Rollout: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Try a version under an alias: it answers a share of the requests, or computes them as a shadow.",
      discussion: """
        Moving the alias to the candidate ends the trial, and so does --end.

        Example: dither models rollout shoes:live shoes@3 --share 0.1
        Example: dither models rollout shoes:live shoes@3 --shadow
        Example: dither models rollout shoes:live --end
        """)
    @Argument(help: "name:alias.")
    var alias: String
    @Argument(help: "name@version: the candidate.")
    var candidate: String?
    @Option(help: "Of the requests for the alias, above 0 and up to 1. (default: 1 of a shadow)")
    var share: Double?
    @Flag(help: "The alias's version answers; the candidate computes the same rows too, and is compared.")
    var shadow = false
    @Option(help: "Only if this audit of the candidate is done and all of its gates are kept.")
    var requireGates: String?
    @Flag(help: "End the trial.")
    var end = false
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func validate() throws {
      guard end == (candidate == nil) else { throw ValidationError("name the candidate, or say --end") }
      if end, shadow || share != nil || requireGates != nil { throw ValidationError("--end: say it alone") }
      if !end, !shadow, share == nil { throw ValidationError("say its --share of the requests, or --shadow") }
      if let share, !(share > 0 && share <= 1) {
        throw ValidationError("--share: expected above 0 and up to 1, got \(share)")
      }
    }

    func run() async throws {
      guard let candidate else {
        try await server.withClient { try await $0.endRollout(alias) }
        if json { return try Json.print(["ended": alias]) }
        return print("\(alias) has no candidate any more")
      }
      let parts = alias.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, candidate.hasPrefix("\(parts[0])@") else {
        throw CommandError(
          .badOption, at: "rollout", expected: "name:alias and name@version of one name",
          got: "\(alias) and \(candidate)")
      }
      var asked = Dither_V1_SetRolloutRequest()
      asked.model = candidate
      asked.alias = String(parts[1])
      asked.share = share ?? 1
      asked.shadow = shadow
      asked.requiredAudit = requireGates ?? ""
      let request = asked
      let found = try await server.withClient { try await $0.setRollout(request) }
      if json { return try Json.print(ModelDescription(found)) }
      let does =
        shadow ? "computes \(request.share) of the requests for" : "answers \(request.share) of the requests for"
      print("\(found.name)@\(found.version) \(does) \(alias)")
    }
  }

  /// `dither models rollouts`: what came of the trials.
  struct Rollouts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the candidates that are tried, with what came of it so far.",
      discussion:
        "Figures are those of the server that answers, since it saw a trial set. Example: dither models rollouts")
    @Argument(help: "Only names that begin so.")
    var prefix = ""
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func run() async throws {
      let trials = try await server.withClient { try await $0.listRollouts(prefix: prefix) }.map(Trial.init)
      if json { return try Json.print(["rollouts": trials]) }
      let rows = trials.map { trial in
        [
          "\(trial.model):\(trial.alias)", "\(trial.version)", "\(trial.candidate)",
          trial.shadow ? "shadow" : "canary", "\(trial.share)", "\(trial.candidateRequests) of \(trial.requests)",
          trial.shadow ? "\(trial.differingRows) of \(trial.rows)" : "",
          trial.shadow ? "\(trial.meanDistance.digits(4)), \(trial.largestDistance.digits(4))" : "",
          trial.shadow ? "\(trial.failures), \(trial.skipped)" : "",
        ]
      }
      print(
        table(
          [
            [
              "alias", "version", "candidate", "", "share", "requests", "rows that differ", "distance: mean, largest",
              "failed, left out",
            ]
          ] + rows))
    }

    private struct Trial: Encodable {
      var model: String
      var alias: String
      var version: UInt64
      var candidate: UInt64
      var shadow: Bool
      var share: Double
      var set: String
      var setBy: String
      var requests: UInt64
      var candidateRequests: UInt64
      var rows: UInt64
      var differingRows: UInt64
      var meanDistance: Double
      var largestDistance: Double
      var failures: UInt64
      var skipped: UInt64

      init(_ message: Dither_V1_ListRolloutsResponse.Rollout) {
        model = message.name
        alias = message.alias
        version = message.version
        candidate = message.candidate
        shadow = message.shadow
        share = message.share
        set = timeText(message.setMs)
        setBy = message.setBy
        requests = message.requests
        candidateRequests = message.candidateRequests
        rows = message.rows
        differingRows = message.differingRows
        meanDistance = message.meanDistance
        largestDistance = message.largestDistance
        failures = message.failures
        skipped = message.skipped
      }
    }
  }
}
