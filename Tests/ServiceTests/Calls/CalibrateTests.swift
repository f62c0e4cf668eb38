import DitherBasics
import DitherProto
import DitherService
import DitherTestSupport
import Foundation
import SwiftProtobuf
import Testing

@Suite("Calibrate", .overEveryEngine, .sayingWhichStore) struct CalibrateTests {
  private static func examples(_ count: Int, length: Int = 6, label: (Int) -> UInt32 = { UInt32($0 * 7 % 3) })
    -> Dither_V1_Examples
  {
    .with {
      $0.inputs.type = .float32
      $0.inputs.shape = [Int64(count), Int64(length)]
      $0.inputs.data = rows(count, of: length).joined().reduce(into: Data()) { data, value in
        withUnsafeBytes(of: value) { data.append(contentsOf: $0) }
      }
      $0.labels = (0..<count).map(label)
    }
  }

  private static func calibrate(
    _ server: InProcess, _ change: (inout Dither_V1_CalibrateRequest) -> Void = { _ in }
  ) async throws -> Dither_V1_Calibration {
    var request = Dither_V1_CalibrateRequest.with {
      $0.model = "net"
      $0.samples = 8
      $0.seed = 3
      $0.examples = examples(120)
    }
    change(&request)
    return try await CalibrateCall(server.services).answer(request, server.caller)
  }

  @Test("it is stored with the version, answers are scaled by it, and sets come with them")
  func calibrates() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()]), input = rows(3, of: 6)
    let before = try await server.predict("net", input) { $0.samples = 8 }
    #expect(
      before.temperature == 1 && before.calibration == 0 && before.predictions.allSatisfy(\.predictionSet.isEmpty))
    let trial = try await Self.calibrate(server) { $0.tryOnly = true }
    #expect(trial.number == 0 && trial.temperature > 0 && trial.temperature != 1)
    #expect(try await server.predict("net", input) { $0.samples = 8 }.temperature == 1)

    let stored = try await Self.calibrate(server)
    #expect(stored.number == 1 && stored.temperature == trial.temperature && stored.createdBy == "tester")
    #expect(stored.temperatureExamples == 60 && stored.conformalExamples == 60 && stored.samples == 8)
    #expect(stored.thresholds.map(\.coverage) == [0.5, 0.8, 0.9, 0.95] && stored.dataDigest.hasPrefix("sha256:"))
    let model = try await GetModelCall(server.services).answer(.with { $0.model = "net" }, server.caller)
    #expect(model.calibration == stored)

    let plain = try await server.predict("net", input) { $0.samples = 8 }
    #expect(plain.temperature == stored.temperature && plain.calibration == 1)
    #expect(plain.predictions[0].probabilities != before.predictions[0].probabilities)
    let without = try await server.predict("net", input) {
      $0.samples = 8
      $0.uncalibrated = true
    }
    #expect(without.temperature == 1 && without.predictions == before.predictions)
    // The larger the coverage, the larger the sets; of LAC they say what the thresholds say.
    var sizes: [[Int]] = []
    for coverage in [0.5, 0.9, 0.98] {
      let answer = try await server.predict("net", input) {
        $0.howMany = nil
        $0.coverage = coverage
      }
      #expect(answer.samples == 8)
      sizes.append(answer.predictions.map(\.predictionSet.count))
      guard let threshold = stored.thresholds.first(where: { $0.coverage == coverage })?.lac else { continue }
      for prediction in answer.predictions {
        let expected = prediction.probabilities.indices.filter { 1 - prediction.probabilities[$0] <= threshold }
        #expect(prediction.predictionSet == expected.map(UInt32.init))
      }
    }
    #expect((0..<3).allSatisfy { sizes[0][$0] <= sizes[1][$0] && sizes[1][$0] <= sizes[2][$0] })
    let aps = try await server.predict("net", input) {
      $0.coverage = 0.9
      $0.setRule = .aps
      $0.samples = 8
    }
    #expect(
      aps.predictions
        == (try await server.predict("net", input) {
          $0.coverage = 0.9
          $0.setRule = .aps
          $0.samples = 8
        }).predictions)
  }

  @Test("a row's APS set is the same alone as among others, so that one seed holds its coverage over requests")
  func setsOfRequests() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()]), inputs = rows(12, of: 6)
    _ = try await Self.calibrate(server)
    func sets(_ rows: [[Float]], _ seed: UInt64) async throws -> [[UInt32]] {
      try await server.predict("net", rows) {
        ($0.howMany, $0.coverage, $0.setRule, $0.seed) = (nil, 0.5, .aps, seed)
      }.predictions.map(\.predictionSet)
    }
    for seed in [1, 6, 12] as [UInt64] {
      let together = try await sets(inputs, seed)
      for (row, set) in together.enumerated() { #expect(try await sets([inputs[row]], seed) == [set]) }
    }
  }

  @Test("thresholds by class are stored, used, and said; a class with too few examples is named")
  func byClass() async throws {
    let scratch = try Scratch(), inputs = rows(12, of: 6)
    // The class with three examples: never enough for 0.9.
    let rare: Int
    do {
      let server = try await InProcess(in: scratch, models: ["net": TestModels.mlp()])
      let own = try await server.predict("net", rows(120, of: 6)).predictions.map { Int($0.label) }
      rare = try #require((0..<3).min { k, l in own.count { $0 == k } < own.count { $0 == l } })
      let common = (0..<3).filter { $0 != rare }
      @Sendable func label(_ row: Int) -> UInt32 {
        UInt32(row % 40 == 0 ? rare : own[row] != rare && row % 4 != 0 ? own[row] : common[row / 4 % 2])
      }
      let plain = try await Self.calibrate(server) { $0.examples = Self.examples(120, label: label) }
      #expect(plain.classes.isEmpty && !plain.thresholds.isEmpty)
      let marginal = try await server.predict("net", inputs) { ($0.howMany, $0.coverage) = (nil, 0.9) }
      #expect(marginal.setKind == .marginal && marginal.alwaysInSet.isEmpty)
      #expect(try await server.predict("net", inputs).setKind == .noSets)
      let stored = try await Self.calibrate(server) {
        $0.examples = Self.examples(120, label: label)
        $0.classConditional = true
      }
      #expect(stored.number == 2 && stored.thresholds.isEmpty && stored.classes.map(\.label) == [0, 1, 2])
      #expect(stored.classes.map(\.examples).reduce(0, +) == stored.conformalExamples)
      #expect(stored.classes[rare].examples <= 3 && stored.mostCoverage == stored.classes[rare].mostCoverage)
      #expect(stored.classes[common[0]].thresholds.contains { $0.coverage == 0.9 })
      #expect(!stored.classes[rare].thresholds.contains { $0.coverage == 0.9 })
    }
    let next = try await InProcess(in: scratch)
    let model = try await GetModelCall(next.services).answer(.with { $0.model = "net" }, next.caller)
    let lac = model.calibration.classes.map { $0.thresholds.first { $0.coverage == 0.9 }?.lac ?? .infinity }
    let answer = try await next.predict("net", inputs) { ($0.howMany, $0.coverage) = (nil, 0.9) }
    #expect(answer.setKind == .classConditional && answer.alwaysInSet == [UInt32(rare)] && answer.calibration == 2)
    for prediction in answer.predictions {
      let expected = (0..<3).filter { 1 - prediction.probabilities[$0] <= lac[$0] }
      #expect(prediction.predictionSet == expected.map(UInt32.init) && prediction.predictionSet.contains(UInt32(rare)))
    }
    await #expect {
      _ = try await next.predict("net", inputs) { ($0.howMany, $0.coverage) = (nil, 0.999) }
    } throws: {
      isFault($0, .failedPrecondition, "examples of a class")
    }
  }

  @Test("a second one is the version's from then on, and the next server knows it")
  func isKept() async throws {
    let scratch = try Scratch()
    do {
      let server = try await InProcess(in: scratch, models: ["net": TestModels.mlp()])
      for (number, samples) in [(1, 8), (2, 4)] as [(UInt64, UInt32)] {
        #expect(try await Self.calibrate(server) { $0.samples = samples }.number == number)
      }
    }
    let next = try await InProcess(in: scratch)
    let answer = try await next.predict("net", rows(1, of: 6)) {
      $0.howMany = nil
      $0.coverage = 0.9
    }
    #expect(answer.calibration == 2 && answer.samples == 4)
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let words: String
    let change: @Sendable (inout Dither_V1_CalibrateRequest) -> Void
    var testDescription: String { words }
  }

  @Test(
    "what calibrates nothing is refused, with the field's name",
    arguments: [
      Refusal(words: "at least 40") { $0.examples = examples(39) },
      Refusal(words: "label") { $0.examples = examples(60) { _ in 3 } },
      Refusal(words: "samples") { $0.samples = 1_000_000 },
      Refusal(words: "data") { $0.data = nil },
      Refusal(words: "shape [6]") { $0.examples = examples(60, length: 5) },
      Refusal(words: "examples.inputs") { $0.examples.inputs.data.removeLast() },
      Refusal(words: "labels: expected 60") {
        $0.examples = examples(60); $0.examples.labels.removeLast()
      },
      Refusal(words: "nosuch") { $0.dataSet = "nosuch" },
      Refusal(words: "nothere") { $0.model = "nothere" },
    ])
  func refusals(_ refusal: Refusal) async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    await #expect {
      _ = try await Self.calibrate(server, refusal.change)
    } throws: {
      isFault($0, .invalidArgument, refusal.words) || isFault($0, .notFound, refusal.words)
    }
  }

  @Test("examples that are all answered right fit no temperature, and nothing is stored")
  func allRight() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp(sigma: nil)])
    let own = try await server.predict("net", rows(60, of: 6)).predictions.map { prediction in
      UInt32(prediction.probabilities.firstIndex(of: prediction.probabilities.max() ?? 0) ?? 0)
    }
    await #expect {
      _ = try await Self.calibrate(server) { ($0.samples, $0.examples) = (0, Self.examples(60) { own[$0] }) }
    } throws: {
      isFault($0, .invalidArgument, "30, each answered right; send more examples")
    }
    #expect(try await !GetModelCall(server.services).answer(.with { $0.model = "net" }, server.caller).hasCalibration)
    #expect(try await server.predict("net", rows(1, of: 6)).temperature == 1)
  }

  @Test("sets that the calibration does not give are refused")
  func setRefusals() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()]), input = rows(1, of: 6)
    func refuses(
      _ category: FaultCategory, _ words: String, _ change: @escaping (inout Dither_V1_PredictRequest) -> Void
    ) async {
      await #expect {
        _ = try await server.predict("net", input) {
          $0.coverage = 0.9
          $0.howMany = nil
          change(&$0)
        }
      } throws: {
        isFault($0, category, words)
      }
    }
    await refuses(.failedPrecondition, "dither calibrate") { _ in }
    _ = try await Self.calibrate(server)
    await refuses(.failedPrecondition, "60 examples") { $0.coverage = 0.99 }
    await refuses(.invalidArgument, "samples") { $0.samples = 16 }
    await refuses(.invalidArgument, "samples") { $0.tolerance = 0.01 }
    await refuses(.invalidArgument, "coverage") { $0.coverage = 1 }
    await refuses(.invalidArgument, "coverage") { $0.coverage = .nan }
    await refuses(.invalidArgument, "coverage") { $0.uncalibrated = true }
    await refuses(.invalidArgument, "coverage") { $0.antithetic = true }
    await refuses(.invalidArgument, "set_rule") { $0.setRule = .UNRECOGNIZED(2) }
  }
}
