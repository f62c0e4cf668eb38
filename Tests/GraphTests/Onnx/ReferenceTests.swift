import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// Models exported from PyTorch, with float64 outputs and gradients: see the reference's README.
@Suite("Reference models", .enabled(if: Golden.isPresent, "reference vectors absent"))
struct ReferenceTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let model: String
    let set: String
    var testDescription: String { "\(model)/\(set)" }
    var path: String { "onnx/\(model)/\(set)" }
  }

  static let cases = Golden.folders(in: "onnx").filter { $0 != "invalid" }.flatMap { model in
    Golden.folders(in: "onnx/\(model)").map { Case(model: model, set: $0) }
  }

  private func pb(_ path: String) throws -> Literal { try OnnxTensor.read(Golden.bytes(path)) }

  @Test("outputs and gradients are PyTorch's", arguments: cases)
  func matches(_ test: Case) throws {
    let graph = try Graph(onnx: Golden.bytes("onnx/\(test.model)/model.onnx"))
    let input = try pb("\(test.path)/input_0.pb"), rows = input.type.shape[0]
    let parameters = ParameterBuffers(graph)
    let hasGradient = Golden.exists("\(test.path)/grad_input_0.pb")
    let parameterGradients = Golden.exists("\(test.path)/grad_parameters.json")
    let plan = try Plan(
      graph, parameters: parameters,
      options: .init(rows: rows, inputGradient: hasGradient, parameterGradients: parameterGradients))
    switch input {
    case .float(let tensor): _ = plan.input().update(fromContentsOf: tensor.elements)
    case .int64(_, let values): _ = plan.inputs[0].bindMemory(to: Int64.self).update(fromContentsOf: values)
    case .bool: Issue.record("no model takes booleans")
    }
    plan.forward()
    guard case .float(let expected) = try pb("\(test.path)/output_0.pb") else { return }
    let manifest = try Golden.json("onnx/manifest.json")
    let tolerance = manifest.number("cases", test.model, "tolerance", "output_abs") ?? 1e-4
    #expect(plan.outputTypes[0].shape == expected.shape)
    #expect(worstDifference(Array(plan.output()), expected.elements) <= Float(tolerance))
    guard hasGradient, case .int64(_, let labels) = try pb("\(test.path)/labels.pb"),
      case .float(let gradient) = try pb("\(test.path)/grad_input_0.pb")
    else { return }
    // The mean cross-entropy's: softmax less one at the label.
    let classes = plan.outputTypes[0].shape[1]
    for (row, label) in labels.enumerated() {
      let z = (0..<classes).map { Double(plan.output()[row * classes + $0]) }, top = z.max() ?? 0
      let total = z.reduce(0) { $0 + exp($1 - top) }
      for c in 0..<classes {
        plan.cotangent[row * classes + c] = Float((exp(z[c] - top) / total - (c == Int(label) ? 1 : 0)) / Double(rows))
      }
    }
    plan.backward()
    let gradientTolerance = manifest.number("cases", test.model, "tolerance", "grad_abs") ?? 1e-5
    #expect(worstDifference(Array(plan.inputGradients[0]), gradient.elements) <= Float(gradientTolerance))
    guard parameterGradients else { return }
    let golden = try Golden.json("\(test.path)/grad_parameters.json")
    for id in parameters.trainable {
      guard let name = parameters.names[id], let entry = golden[name] as? [String: Any] else { continue }
      let found = try #require(plan.parameterGradient(id), "\(name)")
      let mine = found.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      let norm = try #require(entry.number("l2")), stride = Int(try #require(entry.number("every")))
      let bound = 1e-6 + 1e-4 * norm
      #expect(abs(mine - norm) <= bound, "\(name)")
      let largest = Double(found.reduce(0) { max($0, abs($1)) })
      #expect(abs(largest - (entry.number("abs_max") ?? .infinity)) <= bound, "\(name)")
      let values = try #require(entry["values"] as? [NSNumber])
      for (index, value) in values.enumerated() {
        #expect(abs(Double(found[index * stride]) - value.doubleValue) <= bound, "\(name)[\(index * stride)]")
      }
    }
  }

  @Test("a row's result does not depend on how many there are", arguments: cases)
  func rowsAreIndependent(_ test: Case) throws {
    let graph = try Graph(onnx: Golden.bytes("onnx/\(test.model)/model.onnx")), parameters = ParameterBuffers(graph)
    guard case .float(let input) = try pb("\(test.path)/input_0.pb") else { return }
    let whole = try Plan(graph, parameters: parameters, options: .init(rows: input.rowCount))
    let single = try Plan(graph, parameters: parameters, options: .init(rows: 1))
    _ = whole.input().update(fromContentsOf: input.elements)
    whole.forward()
    let scale = whole.output().reduce(1) { max($0, abs($1)) }, length = whole.output().count / input.rowCount
    for row in 0..<input.rowCount {
      _ = single.input().update(fromContentsOf: input.row(row))
      single.forward()
      let apart = worstDifference(Array(single.output()), Array(whole.output()[row * length..<(row + 1) * length]))
      #expect(apart <= 1e-6 * scale)
    }
  }

  @Test("models for attacks load and agree", arguments: Golden.folders(in: "attacks"))
  func attackModels(_ name: String) throws {
    let graph = try Graph(onnx: Golden.bytes("attacks/\(name)/model.onnx"))
    let images = try Golden.tensor("attacks/\(name)/images_u8_nchw.npy").rows(0..<20)
    let expected = try Golden.tensor("attacks/\(name)/clean_logits.npy").rows(0..<20)
    let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 20))
    _ = plan.input().update(fromContentsOf: images.elements.map { $0 / 255 })
    plan.forward()
    #expect(Tensor(expected.shape, Array(plan.output())).isClose(to: expected, absolute: 1e-4, relative: 1e-4))
  }

  @Test("written and read again they are the same, to the byte", arguments: Golden.folders(in: "onnx"))
  func roundTrips(_ model: String) throws {
    guard model != "invalid" else { return }
    let graph = try Graph(onnx: Golden.bytes("onnx/\(model)/model.onnx"))
    let written = try graph.onnx(), again = try Graph(onnx: written)
    #expect(try again.onnx() == written)
    let input = try pb("onnx/\(model)/test_data_set_0/input_0.pb")
    let mine = try Network(graph).outputs([input])
    #expect(try Network(again).outputs([input]) == mine)
    try Written.keep(model, again, written, [input], mine)
  }

  @Test(
    "what must be refused is refused, with a reason",
    arguments: Golden.files(in: "onnx/invalid").filter { $0.hasSuffix(".onnx") })
  func invalid(_ file: String) throws {
    let table = String(decoding: try Golden.bytes("onnx/invalid/EXPECTED.tsv"), as: UTF8.self)
    let outcome = table.split(separator: "\n").first { $0.hasPrefix("\(file)\t") }?.split(separator: "\t").last ?? ""
    let bytes = try Golden.bytes("onnx/invalid/\(file)")
    if outcome == "accepted" || Golden.taken.contains(file) {
      #expect(throws: Never.self) { try Graph(onnx: bytes) }
    } else {
      let error = #expect(throws: GraphError.self, "\(outcome)") { try Graph(onnx: bytes) }
      #expect(error?.description.isEmpty == false)
    }
  }
}
