import DitherBasics
import DitherProto
import DitherService
import DitherStore
import DitherTestSupport
import Foundation
import SwiftProtobuf
import Testing

@Suite("Rollouts") struct RolloutTests {
  /// net@1 (live), net@2; without noise, so that answers depend on the version alone.
  private static func server() async throws -> InProcess {
    let server = try await InProcess()
    for seed: UInt64 in 1...2 {
      _ = try await server.upload(
        TestModels.mlp(seed: seed, sigma: nil), as: "net", aliases: seed == 1 ? ["live"] : [])
    }
    return server
  }

  private static func set(
    _ server: InProcess, _ model: String = "net@2", share: Double = 1, shadow: Bool = false
  ) async throws -> Dither_V1_Model {
    try await SetRolloutCall(server.services).answer(
      .with {
        $0.model = model
        $0.alias = "live"
        $0.share = share
        $0.shadow = shadow
      }, server.caller)
  }

  private static func only(_ server: InProcess) throws -> Dither_V1_ListRolloutsResponse.Rollout {
    let found = try ListRolloutsCall(server.services).answer(.init(), server.caller).rollouts
    try #require(found.count == 1)
    return found[0]
  }

  /// - Returns: how many of so many requests each version has answered.
  private static func answers(
    _ server: InProcess, _ count: Int, _ model: String = "net:live"
  ) async throws -> [UInt64: Int] {
    var answers: [UInt64: Int] = [:]
    for _ in 0..<count {
      let version = try await server.predict(model, rows(1, of: 6)).version
      answers[version, default: 0] += 1
    }
    return answers
  }

  @Test("a candidate answers its share of the requests for the alias, and of no other", arguments: [0.1, 0.5, 1])
  func canary(_ share: Double) async throws {
    let server = try await Self.server(), count = 400
    _ = try await Self.set(server, share: share)
    let answers = try await Self.answers(server, count), chosen = answers[2] ?? 0
    // Five standard deviations of a binomial.
    let expected = Double(count) * share, allowed = 5 * (expected * (1 - share)).squareRoot()
    let apart = abs(Double(chosen) - expected)
    #expect(apart <= allowed, "\(chosen) of \(count)")
    for (model, version) in [("net@1", 1), ("net@2", 2), ("net", 2)] as [(String, UInt64)] {
      #expect(try await Self.answers(server, 20, model) == [version: 20])
    }
    let told = try Self.only(server)
    let (all, some) = (UInt64(count), UInt64(chosen))
    #expect(told.requests == all && told.candidateRequests == some && told.rows == 0)
    #expect(told.version == 1 && told.candidate == 2 && !told.shadow)
    #expect(told.share == share && told.setBy == "tester")
  }

  @Test("a shadow answers nobody; what it would have answered is compared, row by row")
  func shadow() async throws {
    let server = try await Self.server(), inputs = rows(30, of: 6)
    _ = try await Self.set(server, shadow: true)
    let one = try await server.predict("net@1", inputs).predictions,
      other = try await server.predict("net@2", inputs).predictions
    let answered = try await server.predict("net:live", inputs)
    #expect(answered.version == 1 && answered.predictions == one)
    var told = try Self.only(server)
    for _ in 0..<500 where told.rows == 0 {
      try await Task.sleep(for: .milliseconds(10))
      told = try Self.only(server)
    }
    let distances = zip(one, other).map { a, b -> Double in
      let apart: [Double] = zip(a.probabilities, b.probabilities).map { abs($0 - $1) }
      return apart.reduce(0, +) / 2
    }
    let differing = zip(one, other).count { $0.label != $1.label }
    let mean = distances.reduce(0, +) / 30, largest = distances.max() ?? 0
    let (meanApart, largestApart) = (abs(told.meanDistance - mean), abs(told.largestDistance - largest))
    #expect(told.rows == 30 && told.differingRows == UInt64(differing))
    #expect(told.failures == 0 && told.skipped == 0)
    #expect(meanApart < 1e-9 && largestApart < 1e-9)
    #expect(told.requests == 1 && told.candidateRequests == 1 && told.shadow)
  }

  @Test("a trial ends when it is told to, and when the candidate has won")
  func ends() async throws {
    let server = try await Self.server()
    _ = try await Self.set(server)
    _ = try await EndRolloutCall(server.services).answer(.with { $0.model = "net:live" }, server.caller)
    #expect(try await Self.answers(server, 5) == [1: 5])
    await #expect {
      _ = try await EndRolloutCall(server.services).answer(.with { $0.model = "net:live" }, server.caller)
    } throws: { isFault($0, .notFound) }
    await #expect {
      _ = try await EndRolloutCall(server.services).answer(.with { $0.model = "net@2" }, server.caller)
    } throws: { isFault($0, .invalidArgument, "name:alias") }
    _ = try await Self.set(server, share: 0.5)
    _ = try await SetAliasCall(server.services).answer(
      .with { ($0.model, $0.alias) = ("net@2", "live") }, server.caller)
    #expect(try ListRolloutsCall(server.services).answer(.init(), server.caller).rollouts.isEmpty)
    #expect(try await Self.answers(server, 5) == [2: 5])
  }

  @Test("shares that are none, and a version that the alias is at")
  func refused() async throws {
    let server = try await Self.server()
    for share in [0, -0.5, 1.1, .nan] {
      await #expect { _ = try await Self.set(server, share: share) } throws: { isFault($0, .invalidArgument, "share") }
    }
    await #expect { _ = try await Self.set(server, "net@1") } throws: { isFault($0, .failedPrecondition) }
  }

  @Test("where an alias asks for gates, a candidate that answers needs them, and a shadow does not")
  func gated() async throws {
    let state = try Scratch(), scratch = try Scratch(), path = scratch.file("gates")
    try Data("live\n".utf8).write(to: URL(filePath: path))
    do {
      let server = try await InProcess(in: state)
      for seed: UInt64 in 1...2 {
        _ = try await server.upload(TestModels.mlp(seed: seed), as: "net", aliases: seed == 1 ? ["live"] : [])
      }
    }
    let server = try await InProcess(in: state) { $0.aliasGates = path }
    await #expect { _ = try await Self.set(server) } throws: { isFault($0, .failedPrecondition, "--require-gates") }
    #expect(try await Self.set(server, shadow: true).version == 2)
  }
}
