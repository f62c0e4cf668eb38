import DitherBasics
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Testing

/// Bytes are pixels for a model of floats, and numbers for one of integers.
@Suite("Bytes as inputs of integers")
struct ByteInputsTests {
  private static let count = 30

  /// Ids as bytes that were divided by 255, as all bytes are where they are read; the mask as it is.
  private static func data(_ model: Model, asBytes parts: Set<Int>) -> AuditData {
    let rows = TextNet.rows(count), columns = model.signature.layout.columns
    let inputs = Tensor(
      rows.shape,
      rows.elements.enumerated().map { at, value in
        let column = at % rows.rowLength
        return parts.contains { columns[$0].contains(column) } ? value / 255 : value
      })
    var data = AuditData(name: "texts", inputs: inputs, labels: TextNet.labels(count))
    data.layout = model.signature.layout
    data.byteInputs = parts
    return data
  }

  private static func runner(_ data: AuditData, _ model: Model) throws -> AuditRunner {
    try AuditRunner(
      plan: AuditPlan(probes: [ProbeSpec("clean")], exampleCount: count, inputShape: model.signature.inputShape),
      subject: AuditSubject(name: "m", digest: "", model: model), data: data)
  }

  @Test("they are taken as they came, one input or all", arguments: [[0], [0, 1], []] as [Set<Int>])
  func taken(_ parts: Set<Int>) throws {
    let model = try Model(onnx: TextNet.onnx()), given = Self.data(model, asBytes: parts)
    let runner = try Self.runner(given, model), report = try runner.report(runner.runAll())
    #expect(report.probes[0].cleanAccuracy == 1 && runner.data.inputs == TextNet.rows(Self.count))
    // As a report's data is found again.
    #expect(given.withWholeBytes.digest == runner.data.digest)
  }

  @Test("fractions that were given are refused with what is expected")
  func fractions() throws {
    let model = try Model(onnx: TextNet.onnx())
    var data = Self.data(model, asBytes: [0])
    data.byteInputs = []
    let error = #expect(throws: RobustnessError.self) { try Self.runner(data, model) }
    #expect(error?.place == "data 'texts', example 0" && error?.advice?.contains("255") == true)
    #expect(error?.expected == "whole numbers for input 'ids' of 'm'", "\(error?.expected ?? "")")
  }
}
