import DitherBasics
import DitherProto
import DitherService
import DitherStore
import DitherTensor
import DitherTestSupport
import Foundation
import SwiftProtobuf
import Testing

@Suite("Calibrate, of a regression", .overEveryEngine, .sayingWhichStore) struct CalibrateValuesTests {
  /// Some outside of [0, 1], as a table has them.
  private static func inputs(_ count: Int, from first: Int = 0) -> [[Float]] {
    (first..<first + count).map { NoiseAddress(seed: UInt64($0), site: 4).normals(6) }
  }

  /// The right values of ``inputs(_:from:)``: what the model answers without noise, and noise.
  private static func values(_ server: InProcess, _ count: Int, from first: Int = 0) async throws -> [[Float]] {
    let answers = try await server.predict("net", inputs(count, from: first)) { $0.samples = 0 }.predictions
    return answers.enumerated().map { row, answer in
      let noise = NoiseAddress(seed: UInt64(first + row), site: 5).normals(2)
      return zip(answer.values, noise).map { Float($0) + 0.5 * $1 }
    }
  }

  private static func examples(_ server: InProcess, _ count: Int) async throws -> Dither_V1_Examples {
    let own = try await values(server, count)
    return .with {
      $0.inputs = server.request("net", inputs(count)).input
      $0.values = Array(own.joined())
    }
  }

  private static func calibrate(
    _ server: InProcess, samples: UInt32 = 8, _ change: (inout Dither_V1_CalibrateRequest) -> Void = { _ in }
  ) async throws -> Dither_V1_Calibration {
    let examples = try await examples(server, 200)
    var request = Dither_V1_CalibrateRequest.with {
      $0.model = "net"
      $0.samples = samples
      $0.seed = 3
      $0.examples = examples
    }
    change(&request)
    return try await CalibrateCall(server.services).answer(request, server.caller)
  }

  private static func measure(_ name: String, _ prediction: Dither_V1_Prediction) -> [Double]? {
    prediction.measures.first { $0.name == name }?.values
  }

  @Test("it is stored, told, known to the next server, and intervals of fresh inputs hold as often as asked")
  func calibrates() async throws {
    let scratch = try Scratch(), stored: Dither_V1_Calibration
    do {
      let server = try await InProcess(in: scratch, models: ["net": TestModels.regression()])
      #expect(try await Self.calibrate(server) { $0.tryOnly = true }.number == 0)
      stored = try await Self.calibrate(server)
    }
    #expect(stored.number == 1 && stored.samples == 8 && stored.seed == 3 && stored.temperature == 1)
    #expect(stored.conformalExamples == 200 && stored.temperatureExamples == 0 && stored.mostCoverage == 200.0 / 201)
    #expect(stored.thresholds.isEmpty && stored.classes.isEmpty && !stored.hasBefore && stored.values.count == 2)
    for value in stored.values {
      #expect(value.intervals.map(\.coverage) == [0.5, 0.8, 0.9, 0.95, 0.99] && value.rmse > 0.4)
      #expect(value.intervals.allSatisfy { $0.hasDeviation_p && $0.absolute > 0 && $0.normalized > 0 })
      #expect(zip(value.intervals, value.intervals.dropFirst()).allSatisfy { $0.absolute <= $1.absolute })
    }
    let next = try await InProcess(in: scratch)
    let model = try await GetModelCall(next.services).answer(.with { $0.model = "net" }, next.caller)
    #expect(model.calibration == stored)
    let facts = stored.facts(names: model.signature.labelNames)
    #expect(facts.map(\.name) == ["calibrated", "intervals", "at coverage 0.9", "at coverage 0.9"])
    #expect(facts[0].words.contains("200 examples") && facts[0].words.contains("8 draws"))
    #expect(facts[1].words.hasPrefix("coverage up to 0.995, by the rule normalized"), "\(facts[1])")
    #expect(facts[2].words.hasPrefix("length: absolute ± ") && facts[3].words.hasPrefix("width: absolute ± "))
    let fresh = Self.inputs(400, from: 1000), truths = try await Self.values(next, 400, from: 1000)
    for rule in [.intervalAuto, .intervalAbsolute, .intervalNormalized, .intervalQuantiles]
      as [Dither_V1_PredictRequest.IntervalRule]
    {
      var held = [0, 0]
      // Each under a seed of its own: rows of one request share their draws.
      for (row, truth) in truths.enumerated() {
        let answer = try await next.predict("net", [fresh[row]]) {
          ($0.howMany, $0.coverage, $0.intervalRule, $0.seed) = (nil, 0.8, rule, UInt64(row))
        }
        #expect(answer.samples == 8 && answer.calibration == 1 && answer.setKind == .noSets)
        let lower = try #require(Self.measure("conformal_lower", answer.predictions[0]))
        let upper = try #require(Self.measure("conformal_upper", answer.predictions[0]))
        for value in 0..<2 where lower[value] <= Double(truth[value]) && Double(truth[value]) <= upper[value] {
          held[value] += 1
        }
      }
      // Five standard errors of 200 examples' and 400 answers' chance.
      let error = (0.8 * 0.2 * (1.0 / 200 + 1.0 / 400)).squareRoot()
      for count in held { #expect(abs(Double(count) / 400 - 0.8) < 5 * error, "\(rule): \(held)") }
    }
  }

  @Test("absolute intervals are what the calibration tells, whatever measures are asked for; auto is normalized")
  func ends() async throws {
    let server = try await InProcess(models: ["net": TestModels.regression(variances: true)])
    let stored = try await Self.calibrate(server), rows = Self.inputs(5, from: 500)
    func ask(_ change: (inout Dither_V1_PredictRequest) -> Void) async throws -> [Dither_V1_Prediction] {
      try await server.predict("net", rows) {
        ($0.howMany, $0.coverage) = (nil, 0.9)
        change(&$0)
      }.predictions
    }
    let known = try stored.values.map { try #require($0.intervals.first { $0.coverage == 0.9 }) }
    let absolute = try await ask { $0.intervalRule = .intervalAbsolute }
    for prediction in absolute {
      let lower = try #require(Self.measure("conformal_lower", prediction))
      let upper = try #require(Self.measure("conformal_upper", prediction))
      for value in 0..<2 {
        #expect(abs(prediction.values[value] - lower[value] - known[value].absolute) < 1e-9)
        #expect(abs(upper[value] - prediction.values[value] - known[value].absolute) < 1e-9)
      }
    }
    let few = try await ask { ($0.intervalRule, $0.measures) = (.intervalAbsolute, ["std"]) }
    for (one, other) in zip(few, absolute) {
      #expect(one.measures.map(\.name) == ["std", "conformal_lower", "conformal_upper"])
      #expect(one.measures.suffix(2) == other.measures.suffix(2))
    }
    let auto = try await ask { _ in }
    #expect(try await auto == ask { $0.intervalRule = .intervalNormalized } && auto != absolute)
    let plain = try await server.predict("net", rows) { $0.samples = 8 }
    #expect(plain.calibration == 1 && plain.temperature == 1)
    #expect(plain.predictions.allSatisfy { !$0.measures.contains { $0.name.hasPrefix("conformal") } })
    #expect(!plain.predictions.contains { $0.label != 0 || !$0.predictionSet.isEmpty })
  }

  @Test("what calibrates no regression is refused, with the field's name")
  func refusals() async throws {
    let server = try await InProcess(models: ["net": TestModels.regression(), "classes": TestModels.mlp()])
    func refuses(_ words: String, _ change: @escaping (inout Dither_V1_CalibrateRequest) -> Void) async {
      await #expect {
        _ = try await Self.calibrate(server, change)
      } throws: {
        isFault($0, .invalidArgument, words)
      }
    }
    await refuses("class_conditional") { $0.classConditional = true }
    await refuses("2 finite values for each of 200 rows") { $0.examples.values = [Float](repeating: 1, count: 200) }
    await refuses("examples.values") { $0.examples.values.removeLast() }
    await refuses("either labels or values") { $0.examples.labels = [1] }
    await refuses("got classes") {
      ($0.examples.values, $0.examples.labels) = ([], [UInt32](repeating: 0, count: 200))
    }
    await refuses("a class for each row") { ($0.model, $0.samples) = ("classes", 8) }
    let few = try await Self.examples(server, 39)
    await refuses("at least 40") { $0.examples = few }
  }

  @Test("intervals that the calibration does not give are refused")
  func intervalRefusals() async throws {
    let server = try await InProcess(models: ["net": TestModels.regression(), "classes": TestModels.mlp()])
    func refuses(
      _ category: FaultCategory, _ words: String, _ model: String = "net",
      _ change: @escaping (inout Dither_V1_PredictRequest) -> Void
    ) async {
      await #expect {
        _ = try await server.predict(model, rows(1, of: 6)) {
          ($0.coverage, $0.howMany) = (0.9, nil)
          change(&$0)
        }
      } throws: {
        isFault($0, category, words)
      }
    }
    await refuses(.failedPrecondition, "dither calibrate") { _ in }
    _ = try await Self.calibrate(server)
    await refuses(.failedPrecondition, "200 examples calibrated net@1") { $0.coverage = 0.999 }
    await refuses(.invalidArgument, "samples") { $0.samples = 16 }
    await refuses(.invalidArgument, "samples") { $0.tolerance = 0.01 }
    await refuses(.invalidArgument, "coverage") { $0.coverage = 1 }
    await refuses(.invalidArgument, "coverage") { $0.uncalibrated = true }
    await refuses(.invalidArgument, "coverage") { $0.antithetic = true }
    await refuses(.invalidArgument, "say interval_rule") { $0.setRule = .aps }
    await refuses(.invalidArgument, "never_empty") { $0.neverEmpty = true }
    await refuses(.invalidArgument, "interval_rule") { $0.intervalRule = .UNRECOGNIZED(4) }
    await refuses(.invalidArgument, "interval_rule: expected nothing without a coverage") {
      ($0.coverage, $0.intervalRule) = (0, .intervalAbsolute)
    }
    await refuses(.invalidArgument, "say set_rule", "classes") { $0.intervalRule = .intervalAbsolute }
    // One draw has no deviation.
    #expect(try await Self.calibrate(server, samples: 1).values[0].intervals.allSatisfy { !$0.hasDeviation_p })
    for rule in [.intervalNormalized, .intervalQuantiles] as [Dither_V1_PredictRequest.IntervalRule] {
      await refuses(.failedPrecondition, "absolute, as net@1 was calibrated") { $0.intervalRule = rule }
    }
    let answer = try await server.predict("net", rows(1, of: 6)) { ($0.coverage, $0.howMany) = (0.9, nil) }
    #expect(answer.samples == 1 && answer.calibration == 2)
    #expect(answer.predictions[0].measures.map(\.name) == ["conformal_lower", "conformal_upper"])
  }

  @Test("drift compares inputs alone")
  func drift() async throws {
    let server = try await InProcess(models: ["net": TestModels.regression()])
    _ = try await Self.calibrate(server)
    _ = try await server.predict("net", Self.inputs(200)) { $0.samples = 8 }
    _ = try await server.predict("net", Self.inputs(100)) { ($0.howMany, $0.coverage) = (nil, 0.9) }
    let found = try DriftCall(server.services).answer(.with { $0.model = "net" }, server.caller)
    #expect(found.calibration == 1 && found.samples == 8)
    #expect(found.statistics.map(\.name) == ["input_mean", "input_deviation"] && found.windows == 0)
  }

  @Test("the names of the ends are outputs of the Open Inference Protocol")
  func standard() async throws {
    let server = try await InProcess(models: ["net": TestModels.regression()])
    _ = try await Self.calibrate(server)
    func ask(_ outputs: [String], _ rule: String?) async throws -> Inference_ModelInferResponse {
      try await ModelInferCall(server.services).answer(
        .with {
          $0.modelName = "net"
          $0.inputs = [
            .with {
              ($0.name, $0.datatype, $0.shape) = ("x", "FP32", [2, 6])
              $0.contents.fp32Contents = [Float](repeating: 0.5, count: 12)
            }
          ]
          $0.outputs = outputs.map { name in .with { $0.name = name } }
          if let rule {
            $0.parameters = [
              "coverage": .with { $0.doubleParam = 0.9 }, "interval_rule": .with { $0.stringParam = rule },
            ]
          }
        }, server.caller)
    }
    let names = ["conformal_lower", "conformal_upper"]
    let usual = try await ask([], "normalized")
    #expect(usual.outputs.map(\.name).suffix(2) == names[...] && usual.outputs.last?.shape == [2, 2])
    let asked = try await ask(["mean"] + names, "quantiles")
    let numbers = asked.outputs.map(\.contents.fp32Contents)
    #expect(
      numbers.count == 3 && (0..<4).allSatisfy { numbers[1][$0] < numbers[0][$0] && numbers[0][$0] < numbers[2][$0] })
    await #expect { _ = try await ask(names, nil) } throws: { isFault($0, .invalidArgument, "the parameter coverage") }
    await #expect {
      _ = try await ask([], "lac")
    } throws: {
      isFault($0, .invalidArgument, "one of absolute, normalized, quantiles")
    }
    let metadata = try ModelMetadataCall(server.services).answer(.with { $0.name = "net" }, server.caller)
    #expect(metadata.outputs.filter { names.contains($0.name) }.map(\.shape) == [[-1, 2], [-1, 2]])
  }

  @Test("a record from before there were intervals is read, and a new one of classes is as it was")
  func records() async throws {
    let scratch = try Scratch()
    do {
      let server = try await InProcess(in: scratch, models: ["net": TestModels.mlp()])
      _ = try await CalibrateCall(server.services).answer(
        .with {
          ($0.model, $0.samples, $0.seed) = ("net", 8, 3)
          $0.examples.inputs = server.request("net", rows(120, of: 6)).input
          $0.examples.labels = (0..<120).map { UInt32($0 * 7 % 3) }
        }, server.caller)
      let versions = try await server.services.store.models.versions(of: "net")
      let content = try #require(versions.first?.calibration?.content)
      let record = try #require(try JSONSerialization.jsonObject(with: Data(content)) as? [String: Any])
      #expect(Set(record.keys) == ["data", "dataDigest", "calibration"])
    }
    let next = try await InProcess(in: scratch)
    #expect(try await next.predict("net", rows(1, of: 6)) { ($0.howMany, $0.coverage) = (nil, 0.9) }.calibration == 1)
  }

  @Test("a server that is asked over HTTP tells both ends by name")
  func overHttp() async throws {
    try await AskedServer.with(
      roles: ["predict", "publish"],
      configure: { configuration in
        let folder = try #require(configuration.modelsDirectory)
        try Data(TestModels.regression()).write(to: URL(filePath: folder + "/net.onnx"))
      }
    ) { server in
      func call(_ method: String, _ body: [String: Any]) async throws -> [String: Any] {
        let answer = try await server.ask("/v1/\(method)", JSONSerialization.data(withJSONObject: body))
        #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
        return try #require(try JSONSerialization.jsonObject(with: answer.body) as? [String: Any])
      }
      func array(_ rows: [[Float]]) -> [String: Any] {
        let data = rows.joined().reduce(into: Data()) { data, value in
          withUnsafeBytes(of: value) { data.append(contentsOf: $0) }
        }
        return ["type": "FLOAT32", "shape": [rows.count, 6], "data": data.base64EncodedString()]
      }
      let known = Self.inputs(100), values = known.flatMap { row in [row[0] + row[1], row[2]] }
      let stored = try await call(
        "Registry/Calibrate",
        ["model": "net", "samples": 4, "examples": ["inputs": array(known), "values": values.map(Double.init)]])
      #expect((stored["values"] as? [[String: Any]])?.count == 2)
      let answer = try await call(
        "Inference/Predict",
        [
          "model": "net", "input": array(Self.inputs(1, from: 300)), "coverage": 0.8,
          "interval_rule": "INTERVAL_ABSOLUTE",
        ])
      let prediction = try #require((answer["predictions"] as? [[String: Any]])?.first)
      let measures = try #require(prediction["measures"] as? [[String: Any]])
      let ends = measures.filter { ($0["name"] as? String)?.hasPrefix("conformal_") == true }
      #expect(ends.compactMap { $0["name"] as? String } == ["conformal_lower", "conformal_upper"])
      #expect(ends.allSatisfy { ($0["values"] as? [Double])?.count == 2 })
    }
  }
}
