import DitherBasics
import DitherGraph
import DitherJobs
import DitherProto
import DitherRobustness
import DitherService
import DitherTensor
import DitherTestSupport
import Foundation
import SwiftProtobuf
import Testing

/// A served model takes inputs of every size that its nodes do.
@Suite("Inputs of any size") struct AnySizeTests {
  private static func server() async throws -> InProcess {
    try await InProcess(models: [
      "any": AnySizeNet.onnx(),
      "one": AnySizeNet.free(AnySizeNet.graph(height: 8, width: 8, pools: false)).onnx(),
    ])
  }

  private static func array(_ x: Tensor) -> Dither_V1_Array {
    .with {
      $0.type = .float32
      $0.shape = x.shape.dimensions.map(Int64.init)
      $0.data = x.elements.withUnsafeBytes { Data($0) }
    }
  }

  private static func predict(
    _ server: InProcess, _ x: Tensor, of model: String = "any"
  ) async throws -> Dither_V1_PredictResponse {
    try await server.predict(model, [[]]) { $0.input = array(x) }
  }

  private static func expect(_ answer: Dither_V1_PredictResponse, of x: Tensor) throws {
    let logits = try AnySizeNet.logits(x), classes = AnySizeNet.classes
    #expect(answer.predictions.count == x.rowCount)
    for (row, prediction) in answer.predictions.enumerated() {
      let powers = logits[row * classes..<(row + 1) * classes].map { exp(Double($0)) }, total = powers.reduce(0, +)
      #expect(zip(prediction.probabilities, powers).allSatisfy { abs($0 - $1 / total) < 1e-5 })
    }
  }

  @Test("its signature has -1 where it is free, at every door")
  func signature() async throws {
    let server = try await Self.server()
    let signature = try await GetModelCall(server.services).answer(.with { $0.model = "any" }, server.caller).signature
    #expect(signature.inputShape == [-1, 2, -1, -1] && signature.inputs.map(\.shape) == [[-1, 2, -1, -1]])
    let metadata = try ModelMetadataCall(server.services).answer(.with { $0.name = "any" }, server.caller)
    #expect(metadata.inputs.map(\.shape) == [[-1, 2, -1, -1]])
    let config = try ModelConfigCall(server.services).answer(.with { $0.name = "any" }, server.caller).config
    #expect(config.input.map(\.dims) == [[2, -1, -1]])
  }

  @Test("each size is answered as a model of that size answers")
  func predicts() async throws {
    let server = try await Self.server()
    for (height, width) in [(8, 8), (5, 11), (8, 8), (1, 2)] {
      let x = AnySizeNet.pictures(3, height: height, width: width)
      try Self.expect(await Self.predict(server, x), of: x)
    }
  }

  @Test("rows of several callers are answered with those of their own size")
  func batches() async throws {
    let server = try await Self.server()
    try await withThrowingTaskGroup(of: (Tensor, Dither_V1_PredictResponse).self) { group in
      for call in 0..<30 {
        group.addTask {
          let x = AnySizeNet.pictures(1 + call % 2, height: 4 + call % 3, width: 6)
          return (x, try await Self.predict(server, x))
        }
      }
      for try await (x, answer) in group { try Self.expect(answer, of: x) }
    }
  }

  @Test("a size that does not fit is refused: the node is named, or the shape said")
  func refused() async throws {
    let server = try await Self.server()
    for (model, shape, words): (String, Shape, String) in [
      ("one", [1, 2, 8, 9], "node 'fc'"), ("any", [1, 3, 8, 8], "[batch, 2, height, width]"),
      ("any", [2, 8, 8], "[batch, 2, height, width]"),
    ] {
      await #expect {
        _ = try await Self.predict(server, Tensor(zeros: shape), of: model)
      } throws: { isFault($0, .invalidArgument, words) }
    }
    var huge = Self.array(Tensor(zeros: [1, 2, 1, 1]))
    huge.shape = [1, 2, 1 << 20, 1 << 20]
    await #expect {
      _ = try await server.predict("any", [[]]) { [huge] in $0.input = huge }
    } throws: { isFault($0, .resourceExhausted, "at most") }
    for shape: [Int64] in [[1, 2, -1, -1], [1, 2, 0, 8], [1, 2, .max, .max], []] {
      await #expect(throws: (any Error).self) {
        _ = try await server.predict("any", [[]]) { $0.input.shape = shape }
      }
    }
  }

  @Test("an audit takes the size of its data, a calibration too")
  func audits() async throws {
    let server = try await Self.server(), x = AnySizeNet.pictures(60, height: 7, width: 5)
    let logits = try AnySizeNet.logits(x)
    // Every tenth is labeled otherwise: a temperature is fitted to what is answered wrongly, too.
    let labels = (0..<60).map { row in
      let most = (0..<3).max { logits[row * 3 + $0] < logits[row * 3 + $1] } ?? 0
      return row % 10 == 0 ? (most + 1) % 3 : most
    }
    let examples = Dither_V1_Examples.with {
      $0.inputs = Self.array(x)
      $0.labels = labels.map(UInt32.init)
    }
    let request = Dither_V1_AuditRequest.with {
      $0.model = "any"
      $0.others = ["any+any"]
      $0.seed = 5
      $0.probes = [.with { $0.probe = "clean" }, .with { $0.probe = "fgsm" }]
      $0.examples = examples
    }
    var found: Report?
    for await event in try await AuditCall(server.services).start(request, server.caller) {
      if case .report(let json, _) = event { found = try Report(json: Data(json)) }
    }
    let report = try #require(found)
    #expect(report.n == 60 && abs(report.probes[0].cleanAccuracy - 0.9) < 1e-9)
    let stored = try await CalibrateCall(server.services).answer(
      .with { ($0.model, $0.examples) = ("any", examples) }, server.caller)
    #expect(stored.number == 1 && stored.temperature > 0)
  }
}
