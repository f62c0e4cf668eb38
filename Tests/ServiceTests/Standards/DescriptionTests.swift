import DitherBasics
import DitherInference
import DitherProto
import DitherRobustness
import DitherService
import DitherStore
import DitherTransport
import SwiftProtobuf
import Testing

/// What the server says of itself and of its models is what it does.
@Suite("Descriptions of the Open Inference Protocol") struct DescriptionTests {
  private static func server() async throws -> InProcess {
    try await InProcess(models: ["net": TestModels.mlp(), "plain": TestModels.mlp(sigma: nil, labels: [])]) {
      $0.code = "code 7"
      $0.limits.rowsPerRequest = 77
    }
  }
  private static func model(_ server: InProcess, _ reference: String) async throws -> Dither_V1_Model {
    try await GetModelCall(server.services).answer(.with { $0.model = reference }, server.caller)
  }

  @Test("the server's name, program and extensions") func metadata() async throws {
    let server = try await Self.server()
    let found = ServerMetadataCall(server.services).answer(.init(), server.caller)
    #expect(found.name == "dither" && found.version == "code 7")
    #expect(Set(found.extensions).isSuperset(of: ["model_configuration", "statistics", "model_repository"]))
  }

  @Test("a model's configuration has the tensors of its metadata", arguments: ["net", "plain"])
  func configuration(_ name: String) async throws {
    let server = try await Self.server()
    let metadata = try ModelMetadataCall(server.services).answer(.with { $0.name = name }, server.caller)
    let config = try ModelConfigCall(server.services).answer(.with { $0.name = name }, server.caller).config
    #expect(config.name == name && config.platform == metadata.platform && metadata.versions == ["1"])
    #expect(config.maxBatchSize == 77 && config.hasDynamicBatching)
    #expect(config.input.map(\.name) == metadata.inputs.map(\.name) && config.input.map(\.dims) == [[6]])
    #expect(config.output.map(\.name) == metadata.outputs.map(\.name))
    let types: [String: Inference_DataType] = [
      "FP32": .typeFp32, "INT64": .typeInt64, "BOOL": .typeBool, "BYTES": .typeString,
    ]
    for (output, said) in zip(config.output, metadata.outputs) {
      #expect(output.dataType == types[said.datatype], "\(output.name)")
      // The metadata's first axis is the batch; Triton has no scalars.
      #expect(output.dims == (said.shape.count == 1 ? [1] : Array(said.shape.dropFirst())) && said.shape.first == -1)
    }
    #expect(config.output.contains { $0.name == "label_name" } == (name == "net"))
    let model = try await Self.model(server, name)
    #expect(config.parameters["digest"]?.stringValue == model.digest && model.digest.hasPrefix("sha256:"))
    #expect(config.parameters["samples"]?.stringValue == "\(model.defaultSamples)")
  }

  @Test("every output of an answer was announced, with its shape") func answers() async throws {
    let server = try await Self.server(), measures = Catalog<any Measure.Type>.measures.entries
    let metadata = try ModelMetadataCall(server.services).answer(.with { $0.name = "net" }, server.caller)
    let names = metadata.outputs.map(\.name)
    #expect(Set(names).count == names.count && names.first == "logits")
    for measure in measures { #expect(names.contains(measure.name) == measure.isOfClasses, "\(measure.name)") }
    let answer = try await ModelInferCall(server.services).answer(
      .with {
        $0.modelName = "net"
        $0.inputs = [
          .with {
            $0.name = "x"
            $0.datatype = "FP32"
            $0.shape = [2, 6]
            $0.contents.fp32Contents = [Float](repeating: 0.5, count: 12)
          }
        ]
        // What takes more than draws is told apart.
        $0.outputs = names.filter { $0 != "prediction_set" }.map { name in .with { $0.name = name } }
        $0.parameters = ["samples": .with { $0.int64Param = 16 }]
      }, server.caller)
    let announced = Dictionary(uniqueKeysWithValues: metadata.outputs.map { ($0.name, $0) })
    #expect(answer.outputs.count == names.count - 1)
    for output in answer.outputs {
      let said = try #require(announced[output.name])
      #expect(output.datatype == said.datatype && output.shape == [2] + said.shape.dropFirst(), "\(output.name)")
    }
  }

  @Test("a version is a number or an alias; what is not there is not found, and is not ready") func versions()
    async throws
  {
    let server = try await Self.server()
    _ = try await server.upload(TestModels.mlp(seed: 5), as: "net", aliases: ["live"])
    for (version, found) in [("", 2), ("1", 1), ("2", 2), ("live", 2)] as [(String, Int)] {
      let config = try ModelConfigCall(server.services).answer(
        .with { ($0.name, $0.version) = ("net", version) }, server.caller
      ).config
      let expected = try await Self.model(server, "net@\(found)")
      #expect(config.parameters["digest"]?.stringValue == expected.digest, "\(version)")
      let ready = ModelReadyCall(server.services).answer(
        .with { ($0.name, $0.version) = ("net", version) }, server.caller)
      #expect(ready.ready)
    }
    for (name, version) in [("net", "3"), ("net", "old"), ("nat", ""), ("", ""), ("net", "-1")] {
      #expect(throws: (any Error).self) {
        try ModelConfigCall(server.services).answer(.with { ($0.name, $0.version) = (name, version) }, server.caller)
      }
      let ready = ModelReadyCall(server.services).answer(
        .with { ($0.name, $0.version) = (name, version) }, server.caller)
      #expect(!ready.ready, "'\(name)' '\(version)'")
    }
  }

  @Test("every probe is listed with its parameters, and each as listed is one that an audit takes") func probes()
    async throws
  {
    let server = try await Self.server()
    let found = ListProbesCall(server.services).answer(.init(), server.caller)
    #expect(found.probes.map(\.name) == Catalog<ProbeKind>.probes.names)
    #expect(found.batteries == Catalog<Battery>.batteries.names)
    for probe in found.probes {
      #expect(!probe.summary.isEmpty)
      _ = try ProbeSpec(probe.name, probe.parameters).resolved()
    }
  }
}
