import DitherBasics
import DitherInference
import DitherProto
import DitherService
import DitherTensor
import DitherTransport
import Foundation
import NIOCore
import NIOPosix
import Testing

@Suite struct PredictTests {
  @Test func anAnswerIsWhole() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    let answer = try await server.predict("net", rows(3, of: 6)) { $0.quantiles = [0.1, 0.9] }
    #expect(answer.model == "net" && answer.version == 1 && answer.samples == 32 && answer.seed == 7)
    #expect(answer.digest.hasPrefix("sha256:") && answer.stopReason == .requested)
    #expect(answer.predictions.count == 3)
    for prediction in answer.predictions {
      #expect(abs(prediction.probabilities.reduce(0, +) - 1) < 1e-9)
      #expect(prediction.labelName == ["a", "b", "c"][Int(prediction.label)])
      #expect(
        prediction.quantiles.map(\.level) == [0.1, 0.9] && prediction.quantiles.allSatisfy { $0.values.count == 3 })
      #expect(prediction.values(of: "std")?.count == 3)
      #expect(try #require(prediction.values(of: "standard_error"))[0] > 0)
      #expect(
        prediction.measures.map(\.name)
          == Catalog<any Measure.Type>.measures.entries.filter { $0.isStandard && $0.isOfClasses }.map { $0.name })
    }
  }

  @Test("one seed, one answer: alone, in a request of many rows, and among other requests", arguments: ["mlp", "cnn"])
  func reproducible(_ name: String) async throws {
    let server = try await InProcess(models: ["mlp": TestModels.mlp(), "cnn": TestModels.cnn()])
    let length = name == "mlp" ? 6 : 64
    let shape: [Int64] = name == "mlp" ? [6] : [1, 8, 8]
    let inputs = rows(9, of: length)
    let alone = try await server.predict(name, [inputs[4]], shape: [1] + shape)
    let together = try await server.predict(name, inputs, shape: [9] + shape)
    #expect(close(alone.predictions[0], together.predictions[4]))
    // A thread is kept busy so that these wait, and go in one batch.
    try await withThrowingTaskGroup(of: (Int, Dither_V1_PredictResponse).self) { group in
      for place in 0..<24 {
        group.addTask {
          (place, try await server.predict(name, [inputs[place % 9]], shape: [1] + shape) { $0.seed = UInt64(place) })
        }
      }
      for try await (place, answer) in group where place % 9 == 4 {
        let same = try await server.predict(name, [inputs[4]], shape: [1] + shape) { $0.seed = UInt64(place) }
        #expect(close(answer.predictions[0], same.predictions[0]))
      }
    }
  }

  @Test(
    "a row that the model has no answer to is refused by its number, and those of others are answered",
    arguments: [nil, 1e-3] as [Float?])
  func noAnswer(_ sigma: Float?) async throws {
    let server = try await InProcess(models: ["weak": TestModels.overflowing(sigma: sigma)])
    let dark = [Float](repeating: 0.2, count: 6), bright = [Float](repeating: 1, count: 6)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for place in 0..<24 {
        group.addTask {
          guard place % 3 == 0 else {
            let answer = try await server.predict("weak", [dark])
            #expect(answer.predictions[0].probabilities.allSatisfy { $0.isFinite })
            return
          }
          await #expect {
            _ = try await server.predict("weak", [dark, bright]) {
              if place % 2 == 0 { ($0.howMany, $0.tolerance) = (nil, 0.01) }
            }
          } throws: {
            isFault($0, .failedPrecondition, "input, row 1: expected a finite answer of weak@1")
          }
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("shared draws compare inputs; antithetic ones come in pairs")
  func kindsOfDraws() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()]), input = rows(1, of: 6)[0]
    func ask(_ change: @escaping @Sendable (inout Dither_V1_PredictRequest) -> Void) async throws
      -> Dither_V1_PredictResponse
    {
      try await server.predict("net", [input, input], change)
    }
    let shared = try await ask { $0.draws = .shared }, fresh = try await ask { $0.draws = .fresh }
    // The same input under the same weights, and by another way than without.
    #expect(close(shared.predictions[0], shared.predictions[1]))
    #expect(!close(shared.predictions[0], fresh.predictions[0]))
    let pairs = try await ask { $0.antithetic = true }
    #expect(pairs.samples == fresh.samples && !close(pairs.predictions[0], fresh.predictions[0]))
    let (error, other) = (error(of: pairs.predictions[0]), error(of: fresh.predictions[0]))
    #expect(error < other)
  }

  @Test("a tolerance of pairs is met by the error that is reported")
  func toleranceOfPairs() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    for tolerance in [0.02, 0.01, 0.005] {
      let answer = try await server.predict("net", rows(4, of: 6)) {
        ($0.howMany, $0.tolerance, $0.antithetic, $0.maxSamples) = (nil, tolerance, true, 65_536)
      }
      #expect(answer.stopReason == .toleranceMet && answer.predictions.allSatisfy { error(of: $0) <= tolerance })
    }
  }

  private func close(_ a: Dither_V1_Prediction, _ b: Dither_V1_Prediction) -> Bool {
    func numbers(_ one: Dither_V1_Prediction) -> [Double] { one.probabilities + one.measures.flatMap(\.values) }
    return a.measures.map(\.name) == b.measures.map(\.name)
      && zip(numbers(a), numbers(b)).allSatisfy { abs($0 - $1) <= 1e-6 }
  }

  /// Infinite where it is absent.
  private func error(of prediction: Dither_V1_Prediction) -> Double {
    prediction.values(of: "standard_error")?.first ?? .infinity
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let category: FaultCategory
    let words: String
    let change: @Sendable (inout Dither_V1_PredictRequest) -> Void
    init(
      _ name: String, _ words: String, _ category: FaultCategory = .invalidArgument,
      _ change: @escaping @Sendable (inout Dither_V1_PredictRequest) -> Void
    ) {
      testDescription = name
      self.category = category
      self.words = words
      self.change = change
    }
  }

  @Test(
    "requests that cannot be answered, each refused with its field",
    arguments: [
      Refusal("no input", "input:") { $0.clearInput() },
      Refusal("no type", "input.type") { $0.input.type = .unspecified },
      Refusal("integers of half the width", "input.data") { $0.input.type = .int64 },
      Refusal("an unknown type", "input.type") { $0.input.type = .UNRECOGNIZED(9) },
      Refusal("no shape", "input.shape") { $0.input.shape = [] },
      Refusal("another shape", "input.shape") { $0.input.shape = [2, 3] },
      Refusal("two extents below 0", "input.shape") { $0.input.shape = [1, -2, -3] },
      Refusal("no rows", "input.shape") { $0.input.shape = [0, 6] },
      Refusal("negative rows", "input.shape") { $0.input.shape = [-1, 6] },
      Refusal("more rows than can be", "input.shape") { $0.input.shape = [.max, 6] },
      Refusal("a million extents", "input.shape") { $0.input.shape = [Int64](repeating: 1, count: 1_000_000) },
      Refusal("a hundred thousand quantiles", "quantiles") {
        $0.quantiles = [Double](repeating: 0.5, count: 100_000)
      },
      Refusal("a name of a megabyte", "model") { $0.model = String(repeating: "n", count: 1 << 20) },
      Refusal("bytes are missing", "input.data") { $0.input.data.removeLast() },
      Refusal("bytes are left over", "input.data") { $0.input.data.append(0) },
      Refusal("not a number", "input 'x', row 0: expected finite numbers") {
        $0.input.data.replaceSubrange(0..<4, with: [0, 0, 0xC0, 0x7F])
      },
      Refusal("infinity", "input 'x', row 0: expected finite numbers") {
        $0.input.data.replaceSubrange(4..<8, with: [0, 0, 0x80, 0x7F])
      },
      Refusal("too many samples", "samples") { $0.samples = 1_000_000 },
      Refusal("samples and tolerance", "samples") { ($0.samples, $0.tolerance) = (8, 0.1) },
      Refusal("tolerance below 0", "tolerance") { $0.tolerance = -1 },
      Refusal("tolerance not a number", "tolerance") { $0.tolerance = .nan },
      Refusal("a bound too large", "max_samples") {
        $0.howMany = nil
        $0.tolerance = 0.1
        $0.maxSamples = .max
      },
      Refusal("a bound without a tolerance", "max_samples: expected nothing without a tolerance, got 8") {
        $0.maxSamples = 8
      },
      Refusal("never empty without a coverage", "never_empty: expected nothing without a coverage") {
        $0.neverEmpty = true
      },
      Refusal("a rule without a coverage", "set_rule: expected nothing without a coverage, got 'aps'") {
        $0.setRule = .aps
      },
      Refusal("a quantile out of range", "quantiles") { $0.quantiles = [1.1] },
      Refusal("a measure of no name", "did you mean 'margin'") { $0.measures = ["std", "margins"] },
      Refusal("a measure twice", "measures") { $0.measures = ["margin", "std", "margin"] },
      Refusal("more measures than there are", "100000 names") {
        $0.measures = [String](repeating: "margin", count: 100_000)
      },
      Refusal("draws of no kind", "draws") { $0.draws = .UNRECOGNIZED(7) },
      Refusal("no model", "model") { $0.model = "" },
      Refusal("an unknown model", "did you mean 'net'", .notFound) { $0.model = "nett" },
      Refusal("an unknown version", "version 9", .notFound) { $0.model = "net@9" },
    ])
  func refuses(_ refusal: Refusal) async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    await #expect {
      _ = try await server.predict("net", rows(1, of: 6), refusal.change)
    } throws: {
      // However much was asked for, the answer is a sentence.
      isFault($0, refusal.category, refusal.words) && "\($0)".utf8.count < 1000
    }
  }

  @Test("an answer has the measures that are asked for, in their order, and other requests theirs")
  func measuresByName() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()]), input = rows(2, of: 6)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for names in [["margin"], ["std", "margin"], ["standard_error", "std"]]
        + [[[String]]](repeating: [["margin"]], count: 4).flatMap({ $0 })
      {
        group.addTask {
          let answer = try await server.predict("net", input) { $0.measures = names }
          #expect(answer.predictions.allSatisfy { $0.measures.map(\.name) == names })
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("what a file may hold the wire takes: flat rows, axes of extent 1, whole numbers") func forms() async throws {
    let server = try await InProcess(models: ["net": TestModels.cnn()])
    let numbers = [[Float]](repeating: (0..<64).map { Float($0 % 3) }, count: 2)
    let expected = try await server.predict("net", numbers, shape: [2, 1, 8, 8]).predictions
    for shape: [Int64] in [[2, 64], [2, 8, 8], [2, 8, 8, 1], [2, 1, 1, 8, 8]] {
      #expect(try await server.predict("net", numbers, shape: shape).predictions == expected, "\(shape)")
    }
    let whole = try await server.predict("net", numbers, shape: [2, 64]) {
      $0.input.type = .int64
      $0.input.data = numbers.joined().map { Int64($0) }.withUnsafeBytes { Data($0) }
    }
    #expect(whole.predictions == expected)
    for shape: [Int64] in [[2, 4, 16], [128], [1, 2, 64], [2, 8, 4, 2]] {
      await #expect {
        _ = try await server.predict("net", numbers, shape: shape)
      } throws: { isFault($0, .invalidArgument, "input.shape: expected [B, 1, 8, 8]") }
    }
  }

  @Test func samplesAndSeedsThatAreLeftOut() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp(), "plain": TestModels.mlp(sigma: nil)])
    let usual = try await server.predict("net", rows(1, of: 6)) {
      $0.howMany = nil
      $0.seeded = nil
    }
    #expect(usual.samples == 32 && usual.seed < 1 << 53)
    let deterministic = try await server.predict("net", rows(1, of: 6)) { $0.samples = 0 }
    #expect(deterministic.samples == 0 && deterministic.stopReason == .requested)
    // What one answer cannot tell is not there.
    #expect(deterministic.predictions[0].measures.map(\.name) == ["predictive_entropy", "margin"])
    for samples: UInt32 in [0, 1] {
      let one = try await server.predict("net", rows(1, of: 6)) { ($0.samples, $0.quantiles) = (samples, [0.1, 0.9]) }
      #expect(one.predictions[0].measures.map(\.name) == ["predictive_entropy", "margin"])
      #expect(one.predictions[0].quantiles.isEmpty)
    }
    #expect(try await server.predict("plain", rows(1, of: 6)).samples == 0)
  }

  @Test func aToleranceIsMetOrTheBoundIs() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    func ask(_ tolerance: Double, _ most: UInt32) async throws -> Dither_V1_PredictResponse {
      try await server.predict("net", rows(2, of: 6)) {
        $0.howMany = nil
        $0.tolerance = tolerance
        $0.maxSamples = most
      }
    }
    let met = try await ask(0.02, 4096)
    #expect(met.stopReason == .toleranceMet && met.predictions.allSatisfy { error(of: $0) <= 0.02 })
    let bound = try await ask(1e-9, 48)
    #expect(bound.stopReason == .sampleLimit && bound.samples == 48)
  }

  @Test func bytesAreScaled() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    let bytes: [UInt8] = [0, 51, 102, 153, 204, 255]
    let scaled = try await server.predict("net", [bytes.map { Float($0) / 255 }])
    let raw = try await server.predict("net", [[]]) {
      $0.input.type = .uint8
      $0.input.shape = [1, 6]
      $0.input.data = Data(bytes)
    }
    #expect(raw.predictions == scaled.predictions)
  }

  /// Answers of calls that one thread reads in one turn, in order, each with whether that thread gave it.
  private func predictOnReader(
    _ server: InProcess, _ requests: [Dither_V1_PredictRequest]
  ) async throws -> [(response: Dither_V1_PredictResponse, isReader: Bool)] {
    let loop = MultiThreadedEventLoopGroup.singleton.next(),
      caller = Caller(name: "reader", thread: ReadingThread(loop))
    let (answers, send) = AsyncThrowingStream<(Int, Dither_V1_PredictResponse, Bool), any Error>.makeStream()
    loop.execute {
      for (number, request) in requests.enumerated() {
        PredictCall(server.services).answer(request, caller) { result in
          switch result {
          case .success(let response): send.yield((number, response, loop.inEventLoop))
          case .failure(let error): send.finish(throwing: error)
          }
        }
      }
    }
    var found: [Int: (Dither_V1_PredictResponse, Bool)] = [:]
    for try await (number, response, isReader) in answers {
      found[number] = (response, isReader)
      if found.count == requests.count { break }
    }
    return try requests.indices.map { try #require(found[$0]) }
  }

  @Test("the thread that reads computes what is known to be short, as one batch, but not much and nothing else")
  func shortWorkIsComputedWhereItIsRead() async throws {
    // What is short is said: how long two draws take depends on the build and on who else computes.
    let server = try await InProcess(models: ["net": TestModels.mlp()]) { $0.limits.promptSeconds = 60 }
    func requests(_ count: Int, _ change: (inout Dither_V1_PredictRequest) -> Void = { _ in })
      -> [Dither_V1_PredictRequest]
    {
      (0..<count).map { number in
        var request = server.request("net", [rows(count, of: 6)[number]])
        request.samples = 2
        request.seed = UInt64(number)
        change(&request)
        return request
      }
    }
    // Nothing is known of its cost yet.
    let first = try await predictOnReader(server, requests(1))
    #expect(!first[0].isReader)
    let read = try await predictOnReader(server, requests(5))
    #expect(read.map(\.isReader) == [true, true, false, false, false])
    // One batch has one time of computing.
    #expect(read[0].response.timing.computeUs == read[1].response.timing.computeUs)
    for (number, answer) in read.enumerated() {
      let alone = try await server.predict("net", [rows(5, of: 6)[number]]) {
        $0.samples = 2
        $0.seed = UInt64(number)
      }
      // One row is multiplied by another kernel than two.
      for (one, other) in zip(alone.predictions, answer.response.predictions) {
        #expect(one.label == other.label)
        #expect(zip(one.probabilities, other.probabilities).allSatisfy { abs($0 - $1) < 1e-6 })
      }
    }
    let usual = try await InProcess(models: ["net": TestModels.mlp()]) { $0.limits.queuedSeconds = 1e9 }
    _ = try await usual.predict("net", rows(1, of: 6))
    let long = try await predictOnReader(usual, requests(2) { $0.samples = 4096 })
    #expect(long.allSatisfy { !$0.isReader })
  }

  @Test func lateAndCancelledCallsAreNotComputed() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    _ = try await server.predict("net", rows(1, of: 6))
    let late = Caller(name: "late", deadline: .now - .milliseconds(1))
    await #expect { _ = try await server.predict("net", rows(1, of: 6), caller: late) } throws: {
      isFault($0, .deadlineExceeded)
    }
    let gone = Caller(name: "gone", isCancelled: { true })
    await #expect { _ = try await server.predict("net", rows(1, of: 6), caller: gone) } throws: {
      isFault($0, .cancelled)
    }
  }
}
