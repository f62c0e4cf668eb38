import DitherBasics
import DitherGraph
import DitherTensor
import Foundation
import Testing

/// Classifiers as scikit-learn's exporter writes them: class names are texts, the label stands before the probabilities, and
/// these may be a list of dictionaries.
@Suite("Classical models")
struct ClassicalModelTests {
  /// Scaler, softmax, ArgMax, ArrayFeatureExtractor, ZipMap. `names` nil: the classes are numbers.
  private static func model(names: [String]?) -> [UInt8] {
    let learning = "ai.onnx.ml"
    var model = OnnxMessage()
    model.put(1, 8)
    model.put(7) { graph in
      graph.put(
        1,
        OnnxMessage.node(
          "Scaler", ["X"], ["scaled"], domain: learning,
          attributes: [
            { attribute in
              attribute.put(1, "scale")
              attribute.put(7, [1, 2, 4].flatMap { withUnsafeBytes(of: Float($0)) { Array($0) } })
              attribute.put(20, 6)
            }
          ]))
      graph.put(1, OnnxMessage.node("Softmax", ["scaled"], ["p"]))
      let axis: (inout OnnxMessage) -> Void = {
        $0.put(1, "axis")
        $0.put(3, 1)
        $0.put(20, 2)
      }
      graph.put(1, OnnxMessage.node("ArgMax", ["p"], ["index"], attributes: [axis]))
      graph.put(1, OnnxMessage.node("ArrayFeatureExtractor", ["classes", "index"], ["class"], domain: learning))
      graph.put(1, OnnxMessage.node("Reshape", ["class", "flat"], ["label"]))
      graph.put(
        1,
        OnnxMessage.node(
          "ZipMap", ["p"], ["output_probability"], domain: learning,
          attributes: [
            { attribute in
              attribute.put(1, names == nil ? "classlabels_int64s" : "classlabels_strings")
              if let names { for name in names { attribute.put(9, name) } } else { attribute.put(8, [7, 8, 9]) }
              attribute.put(20, names == nil ? 7 : 8)
            }
          ]))
      graph.put(2, "classical")
      graph.put(5) { tensor in
        tensor.put(1, [3])
        tensor.put(2, names == nil ? 7 : 8)
        if let names { for name in names { tensor.put(6, name) } } else { tensor.put(7, [7, 8, 9]) }
        tensor.put(8, "classes")
      }
      graph.put(5) { tensor in
        tensor.put(1, [1])
        tensor.put(2, 7)
        tensor.put(8, "flat")
        tensor.put(9, [UInt8](repeating: 0xFF, count: 8))
      }
      graph.put(11, OnnxMessage.value("X", OnnxMessage.tensorType(1, [nil, 3])))
      graph.put(12, OnnxMessage.value("label", OnnxMessage.tensorType(names == nil ? 7 : 8, [nil])))
      graph.put(12, OnnxMessage.value("output_probability") { $0.put(4, []) })
    }
    for (domain, version) in [("", 17), (learning, 1)] {
      model.put(8) {
        $0.put(1, domain)
        $0.put(2, version)
      }
    }
    return model.bytes
  }

  @Test("labels, probabilities and class names", arguments: [["cat", "dog", "ü"], nil] as [[String]?])
  func classifier(_ names: [String]?) throws {
    let graph = try Graph(onnx: Self.model(names: names)), written = try graph.onnx(), again = try Graph(onnx: written)
    #expect(try again.onnx() == written)
    let labels = try #require(again.metadata[Graph.labelsKey])
    #expect(try JSONDecoder().decode([String].self, from: Data(labels.utf8)) == names ?? ["7", "8", "9"])
    let plan = try Plan(
      again, parameters: ParameterBuffers(again), options: .init(rows: 2, inputGradient: true, output: 1))
    plan.write(.float(Tensor([2, 3], [1, 0, 0, 0, 0.25, 0.5])), to: 0)
    plan.forward()
    // Texts are put out as the classes' numbers.
    #expect(plan.literal(0) == .int64([2], names == nil ? [7, 9] : [0, 2]))
    #expect(try again.outputKind(of: again.outputs[1].value) == .probabilities)
    let total = 1 + exp(Float(0.5)) + exp(Float(2))
    let expected = Tensor([3], [1 / total, exp(0.5) / total, exp(2) / total])
    #expect(Tensor([3], Array(plan.output(1)[3..<6])).isClose(to: expected, absolute: 1e-6))
    _ = plan.cotangent.update(fromContentsOf: [0, 0, 0, 0, 0, 1])
    plan.backward()
    let slope = 4 * expected.elements[2] * (1 - expected.elements[2])
    #expect(abs(plan.inputGradients[0][5] - slope) <= 1e-6)
  }

  @Test("an op of another domain is refused with that domain")
  func domains() throws {
    var bytes = Self.model(names: nil)
    let known = Array("ai.onnx.ml".utf8)
    for at in bytes.indices.dropLast(known.count) where Array(bytes[at..<at + known.count]) == known {
      bytes.replaceSubrange(at..<at + known.count, with: Array("ai.onnx.mm".utf8))
    }
    let error = #expect(throws: GraphError.self) { try Graph(onnx: bytes) }
    #expect(error?.description.contains("ai.onnx.mm") == true && error?.description.contains("Scaler") == true)
  }
}
