import DitherBasics
import DitherJobs
import DitherProto
import DitherRobustness
import DitherService
import DitherTestSupport
import Foundation
import SwiftProtobuf
import Testing

@Suite("Inputs by their names") struct NamedInputsTests {
  private static func array(_ rows: [[Int]]) -> Dither_V1_Array {
    .with {
      $0.type = .int64
      $0.shape = [Int64(rows.count), Int64(rows.first?.count ?? 0)]
      $0.data = rows.joined().map(Int64.init).withUnsafeBytes { Data($0) }
    }
  }

  private static func inputs(_ count: Int) -> [Dither_V1_NamedArray] {
    let (ids, mask) = TextNet.texts(count)
    return [("ids", ids), ("mask", mask)].map { name, rows in
      .with {
        $0.name = name
        $0.array = array(rows)
      }
    }
  }

  private static func predict(
    _ server: InProcess, _ count: Int = 3, _ change: (inout Dither_V1_PredictRequest) -> Void = { _ in }
  ) async throws -> Dither_V1_PredictResponse {
    try await server.predict("texts", [[]]) {
      $0.clearInput()
      $0.inputs = inputs(count)
      change(&$0)
    }
  }

  @Test("a text classifier is taken, told, asked in any order, and answers as its formula does")
  func predicts() async throws {
    let server = try await InProcess(models: ["texts": TextNet.onnx()])
    let model = try await GetModelCall(server.services).answer(.with { $0.model = "texts" }, server.caller)
    let signature = model.signature
    #expect(signature.inputs.map(\.name) == ["ids", "mask"] && signature.inputs.allSatisfy { $0.type == .int64 })
    #expect(signature.inputs.map(\.shape) == [[-1, 5], [-1, 5]] && signature.inputShape == [-1, 10])
    let (ids, mask) = TextNet.texts(9), answer = try await Self.predict(server, 9)
    #expect(answer.predictions.map { Int($0.label) } == TextNet.labels(9))
    for (row, prediction) in answer.predictions.enumerated() {
      let powers = TextNet.logits(ids[row], mask[row]).map { exp($0) }, total = powers.reduce(0, +)
      #expect(zip(prediction.probabilities, powers).allSatisfy { abs($0 - $1 / total) < 1e-5 })
    }
    let turned = try await Self.predict(server, 9) { $0.inputs.reverse() }
    #expect(turned.predictions == answer.predictions)
    // Bytes are numbers where integers are taken.
    let bytes = try await Self.predict(server, 9) {
      $0.inputs[1].array.type = .uint8
      $0.inputs[1].array.data = Data(mask.joined().map(UInt8.init))
    }
    #expect(bytes.predictions == answer.predictions)
  }

  @Test("those of several callers are answered as one batch, each its own")
  func batches() async throws {
    let server = try await InProcess(models: ["texts": TextNet.onnx()]), all = try await Self.predict(server, 24)
    try await withThrowingTaskGroup(of: (Int, Dither_V1_PredictResponse).self) { group in
      for row in 0..<24 {
        group.addTask {
          let answer = try await Self.predict(server, 24) {
            for input in 0..<2 {
              $0.inputs[input].array.data = $0.inputs[input].array.data.subdata(in: row * 40..<(row + 1) * 40)
              $0.inputs[input].array.shape[0] = 1
            }
          }
          return (row, answer)
        }
      }
      for try await (row, answer) in group {
        #expect(
          zip(answer.predictions[0].probabilities, all.predictions[row].probabilities).allSatisfy {
            abs($0 - $1) < 1e-6
          })
      }
    }
  }

  @Test("noise that a request brings is drawn on embeddings and weights")
  func noise() async throws {
    let server = try await InProcess(models: ["texts": TextNet.onnx()])
    for term in ["embeddings:gaussian,sigma=0.3", "weights:gaussian,sigma=0.1"] {
      let answer = try await Self.predict(server) { $0.noise = [term] }
      #expect(answer.samples == 32 && answer.noise == [term])
      #expect(answer.predictions.allSatisfy { ($0.values(of: "mutual_information")?.first ?? 0) > 0 })
    }
    await #expect {
      _ = try await Self.predict(server) { $0.noise = ["input:gaussian,sigma=1"] }
    } throws: { isFault($0, .invalidArgument, "a site that the model has") }
  }

  private struct Refusal: Sendable, CustomTestStringConvertible {
    var words: String
    var category = FaultCategory.invalidArgument
    var change: @Sendable (inout Dither_V1_PredictRequest) -> Void
    var testDescription: String { words }

    init(
      _ words: String, _ category: FaultCategory = .invalidArgument,
      _ change: @escaping @Sendable (inout Dither_V1_PredictRequest) -> Void
    ) { (self.words, self.category, self.change) = (words, category, change) }

    static let all = [
      Refusal("input: expected an array, got none") { $0.inputs = [] },
      Refusal("input: expected either input or inputs, got both") {
        $0.input = NamedInputsTests.array([[1]])
      },
      Refusal("inputs by their names: ids [5], mask [5]") {
        $0.input = $0.inputs[0].array
        $0.inputs = []
      },
      Refusal("inputs: expected 'mask' too") { $0.inputs.removeLast() },
      Refusal("inputs: expected each name once, got 'ids' twice") { $0.inputs[1].name = "ids" },
      Refusal("got 'masks'; did you mean 'mask'?") { $0.inputs[1].name = "masks" },
      Refusal("got 'extra'") { $0.inputs.append(.with { $0.name = "extra" }) },
      Refusal("expected 1 to 64 arrays, got 100000") { request in
        request.inputs = (0..<100_000).map { number in .with { $0.name = "i\(number)" } }
      },
      Refusal("inputs['mask'].shape: expected 3 rows, as 'ids' has, got 2") {
        $0.inputs[1].array = NamedInputsTests.array([[1, 1, 1, 1, 1], [1, 1, 1, 1, 1]])
      },
      Refusal("inputs['ids'].shape: expected [B, 5] with B from 1") { $0.inputs[0].array.shape = [5, 3] },
      Refusal("inputs['ids'].data: expected 120 bytes") { $0.inputs[0].array.data.removeLast() },
      Refusal("inputs['ids'].type: expected INT64, whole numbers, got FLOAT32") {
        $0.inputs[0].array.type = .float32
        $0.inputs[0].array.data = Data(count: 60)
      },
      Refusal("inputs['mask'].type: expected one of") { $0.inputs[1].array.type = .unspecified },
      Refusal("inputs['ids'].data: expected integers from -16777216 to 16777216, got 9223372036854775807 at element 2")
      {
        $0.inputs[0].array.data.replaceSubrange(16..<24, with: [255, 255, 255, 255, 255, 255, 255, 127])
      },
      Refusal("input, row 0: expected a finite answer", .failedPrecondition) {
        $0.inputs[0].array.data.replaceSubrange(0..<8, with: [100, 0, 0, 0, 0, 0, 0, 0])
      },
    ]
  }

  @Test("what does not fit is refused by its name", arguments: Refusal.all)
  private func refuses(_ refusal: Refusal) async throws {
    let server = try await InProcess(models: ["texts": TextNet.onnx()])
    await #expect {
      _ = try await Self.predict(server, 3, refusal.change)
    } throws: {
      isFault($0, refusal.category, refusal.words) && "\($0)".utf8.count < 1000
    }
  }

  @Test("the Open Inference Protocol takes them, typed and raw, and describes them")
  func openInference() async throws {
    let server = try await InProcess(models: ["texts": TextNet.onnx()]), expected = try await Self.predict(server)
    let metadata = try ModelMetadataCall(server.services).answer(.with { $0.name = "texts" }, server.caller)
    #expect(metadata.inputs.map(\.name) == ["ids", "mask"] && metadata.inputs.allSatisfy { $0.datatype == "INT64" })
    #expect(metadata.inputs.allSatisfy { $0.shape == [-1, 5] })
    let config = try ModelConfigCall(server.services).answer(.with { $0.name = "texts" }, server.caller).config
    #expect(config.input.map(\.dims) == [[5], [5]] && config.input.allSatisfy { $0.dataType == .typeInt64 })
    let (ids, mask) = TextNet.texts(3)
    var request = Inference_ModelInferRequest.with { $0.modelName = "texts" }
    request.inputs = [("mask", "INT32", mask), ("ids", "INT64", ids)].map { name, type, rows in
      .with {
        $0.name = name
        $0.datatype = type
        $0.shape = [3, 5]
        if type == "INT64" {
          $0.contents.int64Contents = rows.joined().map(Int64.init)
        } else {
          $0.contents.intContents = rows.joined().map(Int32.init)
        }
      }
    }
    var raw = request
    for at in raw.inputs.indices { raw.inputs[at].clearContents() }
    raw.rawInputContents = [
      mask.joined().map(Int32.init).withUnsafeBytes { Data($0) },
      ids.joined().map(Int64.init).withUnsafeBytes { Data($0) },
    ]
    for asked in [request, raw] {
      let answer: Inference_ModelInferResponse = try await withCheckedThrowingContinuation { continuation in
        ModelInferCall(server.services).answer(asked, server.caller) { continuation.resume(with: $0) }
      }
      let found =
        asked == raw
        ? answer.rawOutputContents[0].withUnsafeBytes { bytes in
          (0..<9).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        } : answer.outputs[0].contents.fp32Contents
      #expect(found == expected.predictions.flatMap { $0.probabilities.map { Float($0) } })
    }
  }

  private static func audit(
    _ change: (inout Dither_V1_AuditRequest) -> Void = { _ in }
  ) -> Dither_V1_AuditRequest {
    .with {
      $0.model = "texts"
      $0.seed = 5
      $0.probes = ["clean", "calibration", "selective"].map { name in .with { $0.probe = name } }
      $0.examples.namedInputs = inputs(60)
      $0.examples.labels = TextNet.labels(60).map(UInt32.init)
      change(&$0)
    }
  }

  private static func report(_ server: InProcess, _ request: Dither_V1_AuditRequest) async throws -> Report {
    var found: Report?
    for await event in try await AuditCall(server.services).start(request, server.caller) {
      if case .report(let json, _) = event { found = try Report(json: Data(json)) }
    }
    return try #require(found)
  }

  @Test("an audit measures it, in whatever order its inputs come, and attacks its embeddings")
  func audits() async throws {
    let server = try await InProcess(models: ["texts": TextNet.onnx()])
    let report = try await Self.report(server, Self.audit())
    #expect(report.n == 60 && report.probes.count == 3 && report.failures == nil)
    #expect(report.probes[0].cleanAccuracy == 1)
    #expect(report.checks.contains { $0.check == "features" && $0.message.contains("10 are integers") })
    let turned = try await Self.report(server, Self.audit { $0.examples.namedInputs.reverse() })
    #expect(turned.dataDigest == report.dataDigest && turned.probes[1].calibration == report.probes[1].calibration)
    // Words' numbers that come as bytes are the same numbers.
    let bytes = try await Self.report(
      server,
      Self.audit {
        $0.examples.namedInputs[0].array.type = .uint8
        $0.examples.namedInputs[0].array.data = Data(TextNet.texts(60).0.joined().map { UInt8($0) })
      })
    #expect(bytes.dataDigest == report.dataDigest && bytes.probes[0].cleanAccuracy == 1)
    let noisy = try await Self.report(server, Self.audit { $0.noise = ["embeddings:gaussian,sigma=0.5"] })
    #expect(noisy.samples == 32 && noisy.noise != nil)
    let attacked = try await Self.report(
      server,
      Self.audit {
        $0.saveAdversarials = true
        $0.probes = [
          .with {
            $0.probe = "pgd"
            $0.parameters = ["epsilon": "0.3", "steps": "10"]
          }
        ]
      })
    #expect(attacked.probes[0].cleanAccuracy == 1 && attacked.probes[0].robustAccuracy < 1)
    for (words, change): (String, (inout Dither_V1_AuditRequest) -> Void) in [
      ("probe smoothing", { $0.probes = [.with { $0.probe = "smoothing" }] }),
      ("the inputs of 'texts'", { $0.examples.namedInputs[0].name = "id" }),
      ("examples.named_inputs['mask'].shape", { $0.examples.namedInputs[1] = Self.inputs(59)[1] }),
      ("either inputs or named_inputs", { $0.examples.inputs = Self.array([[1, 2]]) }),
    ] {
      await #expect {
        _ = try await AuditCall(server.services).start(Self.audit(change), server.caller)
      } throws: { isFault($0, .invalidArgument, words) }
    }
  }

  @Test("it is calibrated, and has prediction sets")
  func calibrated() async throws {
    let server = try await InProcess(models: ["texts": TextNet.onnx()])
    let examples = Dither_V1_Examples.with {
      $0.namedInputs = Self.inputs(120)
      $0.labels = TextNet.labels(120).enumerated().map { UInt32($1 + ($0 % 5 == 0 ? 1 : 0)) % 3 }
    }
    let stored = try await CalibrateCall(server.services).answer(
      .with { ($0.model, $0.examples) = ("texts", examples) }, server.caller)
    #expect(stored.number == 1 && stored.temperature > 0)
    let answer = try await Self.predict(server, 4) { $0.coverage = 0.8 }
    #expect(answer.temperature == stored.temperature && answer.setKind == .marginal)
  }
}
