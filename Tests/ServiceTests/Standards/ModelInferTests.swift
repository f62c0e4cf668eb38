import DitherBasics
import DitherProto
import DitherService
import DitherTransport
import Foundation
import SwiftProtobuf
import Synchronization
import Testing

@Suite("The Open Inference Protocol") struct ModelInferTests {
  private static let rows = threeRows

  private func request(
    _ change: (inout Inference_ModelInferRequest) -> Void = { _ in }
  ) -> Inference_ModelInferRequest {
    .with {
      $0.modelName = "net"
      $0.inputs = [
        .with {
          $0.name = "x"
          $0.datatype = "FP32"
          $0.shape = [3, 6]
          $0.contents.fp32Contents = Array(Self.rows.joined())
        }
      ]
      $0.parameters = ["samples": .with { $0.int64Param = 32 }, "seed": .with { $0.int64Param = 7 }]
      change(&$0)
    }
  }

  private func infer(
    _ server: InProcess, _ request: Inference_ModelInferRequest
  ) async throws -> Inference_ModelInferResponse {
    try await withCheckedThrowingContinuation { continuation in
      ModelInferCall(server.services).answer(request, server.caller) { continuation.resume(with: $0) }
    }
  }

  private static func raw<Element: BitwiseCopyable>(_ values: [Element]) -> Data { values.withUnsafeBytes { Data($0) } }

  @Test("the answer is Predict's, tensor by tensor") func same() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    let answer = try await infer(server, request { $0.id = "a" })
    let expected = try await server.predict("net", Self.rows)
    #expect(answer.id == "a" && answer.modelName == "net" && answer.modelVersion == "1")
    #expect(answer.parameters["samples"]?.int64Param == 32 && answer.parameters["seed"]?.int64Param == 7)
    #expect(answer.outputs.first?.name == "logits" && answer.rawOutputContents.isEmpty)
    for output in answer.outputs {
      let values = expected.predictions.map { prediction -> [Double] in
        switch output.name {
        case "logits": prediction.probabilities
        case "label": [Double(prediction.label)]
        default: prediction.values(of: output.name) ?? []
        }
      }
      let width = Int64(values[0].count)
      #expect(output.shape == (["logits", "std"].contains(output.name) ? [3, width] : [3]), "\(output.name)")
      if output.name == "label" {
        #expect(output.contents.int64Contents == values.map { Int64($0[0]) })
      } else {
        #expect(output.datatype == "FP32" && output.contents.fp32Contents == values.joined().map { Float($0) })
      }
    }
    let measured = expected.predictions[0].measures.map(\.name)
    #expect(answer.outputs.map(\.name) == ["logits", "label"] + measured)
  }

  @Test("raw contents of every kind of number are the same question", arguments: ["FP32", "FP64", "FP16", "BF16"])
  func raw(_ datatype: String) async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    // Numbers that all of them can say.
    let values = (0..<18).map { Float($0) / 32 }
    func asked(_ data: Data?) -> Inference_ModelInferRequest {
      request {
        $0.outputs = [.with { $0.name = "mean" }, .with { $0.name = "label_name" }]
        guard let data else { return $0.inputs[0].contents.fp32Contents = values }
        // Contents that hold nothing are none: some clients send such beside the raw ones.
        $0.inputs[0].contents = .init()
        $0.inputs[0].datatype = datatype
        $0.rawInputContents = [data]
      }
    }
    let data: Data =
      switch datatype {
      case "FP64": Self.raw(values.map { Double($0) })
      case "FP16": Self.raw(values.map { Float16($0) })
      case "BF16": Self.raw(values.map { UInt16($0.bitPattern >> 16) })
      default: Self.raw(values)
      }
    let typed = try await infer(server, asked(nil)), found = try await infer(server, asked(data))
    #expect(found.outputs.allSatisfy { !$0.hasContents } && found.rawOutputContents.count == 2)
    #expect(found.rawOutputContents[0] == Self.raw(typed.outputs[0].contents.fp32Contents))
    // A text stands behind its length.
    let names = typed.outputs[1].contents.bytesContents
    #expect(found.rawOutputContents[1] == names.reduce(Data()) { $0 + Self.raw([UInt32($1.count)]) + $1 })
  }

  @Test(
    "whole numbers and truth values are numbers, typed and raw",
    arguments: ["BOOL", "INT8", "INT16", "INT32", "INT64", "UINT16", "UINT32", "UINT64"])
  func whole(_ datatype: String) async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    let least = datatype.hasPrefix("INT") ? -2 : 0, numbers = (0..<18).map { least + $0 % (datatype == "BOOL" ? 2 : 5) }
    func mean(_ change: (inout Inference_ModelInferRequest) -> Void) async throws -> [Float] {
      let answer = try await infer(
        server,
        request {
          $0.outputs = [.with { $0.name = "mean" }]
          change(&$0)
        })
      return answer.outputs[0].hasContents
        ? answer.outputs[0].contents.fp32Contents
        : answer.rawOutputContents[0].withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }
    let expected = try await mean { $0.inputs[0].contents.fp32Contents = numbers.map { Float($0) } }
    let typed = try await mean {
      $0.inputs[0].datatype = datatype
      $0.inputs[0].contents = .with {
        switch datatype {
        case "BOOL": $0.boolContents = numbers.map { $0 == 1 }
        case "INT64": $0.int64Contents = numbers.map { Int64($0) }
        case "UINT64": $0.uint64Contents = numbers.map { UInt64($0) }
        case "UINT16", "UINT32": $0.uintContents = numbers.map { UInt32($0) }
        default: $0.intContents = numbers.map { Int32($0) }
        }
      }
    }
    let raw = try await mean {
      $0.inputs[0].datatype = datatype
      $0.inputs[0].clearContents()
      let data =
        switch datatype {
        case "BOOL", "INT8": Self.raw(numbers.map { Int8($0) })
        case "INT16", "UINT16": Self.raw(numbers.map { Int16($0) })
        case "INT32", "UINT32": Self.raw(numbers.map { Int32($0) })
        default: Self.raw(numbers.map { Int64($0) })
        }
      $0.rawInputContents = [data]
    }
    #expect(typed == expected && raw == expected)
  }

  @Test("what cannot be answered is refused, with its place", arguments: Refusal.all)
  private func refusals(_ refusal: Refusal) async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    await #expect {
      _ = try await infer(server, request(refusal.change))
    } throws: {
      isFault($0, refusal.category, refusal.words)
    }
  }

  private struct Refusal: Sendable, CustomTestStringConvertible {
    var words: String
    var category = FaultCategory.invalidArgument
    var change: @Sendable (inout Inference_ModelInferRequest) -> Void
    var testDescription: String { words }

    init(
      _ words: String, _ category: FaultCategory = .invalidArgument,
      _ change: @escaping @Sendable (inout Inference_ModelInferRequest) -> Void
    ) { (self.words, self.category, self.change) = (words, category, change) }

    static let all = [
      Refusal("'net2'", .notFound) { $0.modelName = "net2" },
      Refusal("version 9", .notFound) { $0.modelVersion = "9" },
      Refusal("inputs: expected 1 to 64 arrays, got 0") { $0.inputs = [] },
      Refusal("inputs: expected each name once, got 'x' twice") { $0.inputs.append($0.inputs[0]) },
      Refusal("expected 'x', got 'y'") { $0.inputs[0].name = "y" },
      Refusal("outputs: expected each output once") { request in
        request.outputs = (0..<1000).map { _ in .with { $0.name = "margin" } }
      },
      Refusal("datatype") { $0.inputs[0].datatype = "BYTES" },
      Refusal("expected int64_contents alone for INT64, got fp32_contents") { $0.inputs[0].datatype = "INT64" },
      Refusal("expected fp32_contents alone for FP32, got fp64_contents") {
        $0.inputs[0].contents.fp64Contents = [1]
      },
      Refusal("values of INT8") {
        $0.inputs[0].datatype = "INT8"
        $0.inputs[0].contents = .with { $0.intContents = [Int32](repeating: 128, count: 18) }
      },
      Refusal("max_samples: expected nothing without a tolerance") {
        $0.parameters["max_samples"] = .with { $0.int64Param = 8 }
      },
      Refusal("set_rule: expected nothing without a coverage") {
        $0.parameters["set_rule"] = .with { $0.stringParam = "lac" }
      },
      Refusal("numbers between commas") { $0.parameters["quantiles"] = .with { $0.stringParam = "," } },
      Refusal("quantiles that they cannot") {
        $0.parameters["samples"] = .with { $0.int64Param = 0 }
        $0.parameters["quantiles"] = .with { $0.stringParam = "0.5" }
        $0.outputs = [.with { $0.name = "quantiles" }]
      },
      Refusal("datatype") { $0.inputs[0].datatype = "float" },
      Refusal("none beside raw_input_contents") { $0.rawInputContents = [Data(count: 72)] },
      Refusal("one for each input, or none") { $0.rawInputContents = [Data(), Data()] },
      Refusal("input.shape") { $0.inputs[0].shape = [6, 3] },
      Refusal("inputs, 'x': expected 18 values of FP32 for the shape [3, 6], got 17") {
        $0.inputs[0].contents.fp32Contents.removeLast()
      },
      Refusal("inputs, 'x': expected 18 values of FP64, 8 bytes each, for the shape [3, 6], got 141 bytes") {
        $0.inputs[0].clearContents()
        $0.inputs[0].datatype = "FP64"
        $0.rawInputContents = [Data(count: 18 * 8 - 3)]
      },
      Refusal("values of UINT64 up to 9223372036854775807") {
        $0.inputs[0].datatype = "UINT64"
        $0.inputs[0].contents = .with { $0.uint64Contents = [UInt64](repeating: 1 << 63, count: 18) }
      },
      Refusal("values of UINT64 up to 9223372036854775807") {
        $0.inputs[0].clearContents()
        $0.inputs[0].datatype = "UINT64"
        $0.rawInputContents = [Data(repeating: 0xFF, count: 18 * 8)]
      },
      Refusal("values of UINT8") {
        $0.inputs[0].datatype = "UINT8"
        $0.inputs[0].clearContents()
        $0.inputs[0].contents.uintContents = [UInt32](repeating: 256, count: 18)
      },
      Refusal("did you mean 'samples'") { $0.parameters["sample"] = .with { $0.int64Param = 1 } },
      Refusal("parameters.samples") { $0.parameters["samples"] = .with { $0.int64Param = -1 } },
      Refusal("parameters.samples") { $0.parameters["samples"] = .with { $0.stringParam = "8" } },
      Refusal("parameters.seed") { $0.parameters["seed"] = .with { $0.doubleParam = 0.5 } },
      Refusal("did you mean 'weights'?") { $0.parameters["noise"] = .with { $0.stringParam = "weight:sigma=1" } },
      Refusal("parameters.noise: expected text") { $0.parameters["noise"] = .with { $0.doubleParam = 1 } },
      Refusal("at most 16 terms, got 400") {
        $0.parameters["noise"] = .with { $0.stringParam = String(repeating: "input:sigma=1;", count: 400) }
      },
      Refusal("parameters.draws: expected one of fresh, shared") {
        $0.parameters["draws"] = .with { $0.stringParam = "stale" }
      },
      Refusal("numbers between commas") { $0.parameters["quantiles"] = .with { $0.stringParam = "0.1;0.9" } },
      Refusal("did you mean 'margin'") { $0.outputs = [.with { $0.name = "margins" }] },
      Refusal("ask for more samples") {
        $0.parameters["samples"] = .with { $0.int64Param = 0 }
        $0.outputs = [.with { $0.name = "std" }]
      },
      Refusal("the parameter coverage") { $0.outputs = [.with { $0.name = "prediction_set" }] },
      Refusal("a calibration", .failedPrecondition) { $0.parameters["coverage"] = .with { $0.doubleParam = 0.9 } },
      Refusal("a number for each class") {
        $0.outputs = [
          .with {
            $0.name = "margin"
            $0.parameters["classification"] = .with { $0.int64Param = 2 }
          }
        ]
      },
    ]
  }

  @Test("the parameter noise, and the answer's") func noise() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp(sigma: nil)])
    let terms = ["weights:gaussian,sigma=0.3", "input:gaussian,sigma=0.1"]
    let answer = try await infer(
      server, request { $0.parameters["noise"] = .with { $0.stringParam = " \(terms[0]) ;\(terms[1])" } })
    #expect(answer.parameters["noise"]?.stringParam == terms.joined(separator: "; "))
    let expected = try await server.predict("net", Self.rows) { ($0.noise, $0.samples) = (terms, 32) }
    #expect(
      answer.outputs[0].contents.fp32Contents == expected.predictions.flatMap { $0.probabilities.map { Float($0) } })
  }

  @Test("classification: the largest, as text with their labels") func classification() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    let answer = try await infer(
      server,
      request {
        $0.outputs = [
          .with {
            $0.name = "mean"
            $0.parameters["classification"] = .with { $0.int64Param = 2 }
          }, .with { $0.name = "logits" },
        ]
      })
    #expect(answer.outputs[0].shape == [3, 2] && answer.outputs[0].datatype == "BYTES")
    let texts = answer.outputs[0].contents.bytesContents.map { String(decoding: $0, as: UTF8.self) }
    let values = answer.outputs[1].contents.fp32Contents
    for row in 0..<3 {
      let best = (0..<3).sorted { values[row * 3 + $0] > values[row * 3 + $1] }
      for place in 0..<2 {
        let value = String(format: "%f", values[row * 3 + best[place]])
        #expect(texts[row * 2 + place] == "\(value):\(best[place]):\(["a", "b", "c"][best[place]])")
      }
    }
  }

  @Test("a stream answers in order, and goes on behind an error") func stream() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    let requests = (0..<4).map { place in
      request {
        $0.id = "\(place)"
        if place == 1 { $0.modelName = "none" }
      }
    }
    let left = Mutex(requests[...]), answers = Mutex<[Inference_ModelStreamInferResponse]>([])
    try await ModelStreamInferCall(server.services).answer(
      .init { left.withLock { $0.popFirst() } }, server.caller,
      .init { answer in answers.withLock { $0.append(answer) } })
    let found = answers.withLock { $0 }
    #expect(found.map(\.inferResponse.id) == ["0", "1", "2", "3"])
    #expect(found.map { $0.errorMessage.isEmpty } == [true, false, true, true])
    #expect(found[1].errorMessage.contains("'none'"))
    #expect(found[3].inferResponse.outputs.map(\.name) == found[0].inferResponse.outputs.map(\.name))
  }

  @Test("a model that was unloaded answers nobody until it is loaded; its namesakes in content do") func unload()
    async throws
  {
    let file = try TestModels.mlp(), server = try await InProcess(models: ["net": file, "twin": file])
    let services = server.services, caller = server.caller
    func ready(_ name: String) -> Bool { ModelReadyCall(services).answer(.with { $0.name = name }, caller).ready }
    func states() throws -> [String: String] {
      let models = try RepositoryIndexCall(services).answer(.init(), caller).models
      return Dictionary(models.map { ($0.name, $0.state) }, uniquingKeysWith: { a, _ in a })
    }
    #expect(ready("net") && ready("twin") && !ready("none") && !ready(""))
    _ = try await RepositoryModelUnloadCall(services).answer(.with { $0.modelName = "net" }, caller)
    #expect(!ready("net") && ready("twin"))
    #expect(try states() == ["net": "UNAVAILABLE", "twin": "READY"])
    await #expect {
      _ = try await infer(server, request())
    } throws: {
      isFault($0, .unavailable, "unloaded")
    }
    await #expect {
      _ = try await server.predict("net", Self.rows)
    } throws: {
      isFault($0, .unavailable, "unloaded")
    }
    _ = try await infer(server, request { $0.modelName = "twin" })
    _ = try await RepositoryModelLoadCall(services).answer(.with { $0.modelName = "net" }, caller)
    #expect(ready("net"))
    _ = try await infer(server, request())
  }

  @Test("statistics count rows, batches and failures") func statistics() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp(), "weak": TestModels.overflowing()])
    for _ in 0..<3 { _ = try await infer(server, request()) }
    let found = try ModelStatisticsCall(server.services).answer(.with { $0.name = "net" }, server.caller).modelStats
    let figures = try #require(found.first)
    #expect(found.count == 1 && figures.version == "1" && figures.inferenceCount == 9 && figures.executionCount == 3)
    #expect(figures.inferenceStats.success.count == 3 && figures.inferenceStats.success.ns > 0)
    #expect(figures.batchStats.map(\.batchSize) == [3] && figures.batchStats[0].computeInfer.count == 3)
    #expect(figures.lastInference > 0)
    let all = try ModelStatisticsCall(server.services).answer(.init(), server.caller).modelStats
    #expect(Set(all.map(\.name)) == ["net", "weak"] && all.first { $0.name == "weak" }?.inferenceCount == 0)
  }
}

private let threeRows = rows(3, of: TestModels.inputs)
